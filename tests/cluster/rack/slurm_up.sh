#!/bin/bash
# Real Slurm on the rack's virtual hosts (it starts these too): munge everywhere, slurmctld on head, one slurmd a host.
# All nodes are in partition `main`; `high` preempts it. Each has $RACK_GPUS (2) pretended GPUs and $RACK_CPUS (4) CPUs.
# Exit code 0: all nodes idle; 77: cannot run here (the reason is printed); 1: error.
# Written for Slurm 22.05 and newer.
set -euo pipefail

: "${RACK_DIR:?a folder for the rack}"
export RACK_HOSTS=${RACK_HOSTS:-node1 node2}
PATH=$PATH:/usr/sbin
read -ra hosts <<<"$RACK_HOSTS"
gpus=${RACK_GPUS:-2}
here=$(cd "$(dirname "$0")" && pwd)
slurm=$RACK_DIR/slurm log=$RACK_DIR/log

for program in slurmctld slurmd munged sinfo srun; do
    command -v "$program" >/dev/null || {
        echo "cannot start Slurm: there is no program '$program' (apt-get install slurmctld slurmd slurm-client munge)"
        exit 77
    }
done
"$here/hosts_up.sh" || exit $?

on() { "$RACK_DIR/on" "$@"; }

idle() {
    [[ $(on head timeout 5 sinfo -h -N -p main -o '%T' 2>/dev/null | grep -cE '^(idle|mixed|allocated)$') == "${#hosts[@]}" ]]
}

[[ ! -f $slurm/slurm.conf ]] || ! idle || exit 0

mkdir -p "$slurm/dev" "$RACK_DIR/state" "$RACK_DIR/munge"
[[ -f $RACK_DIR/munge/key ]] || {
    head -c 1024 /dev/urandom >"$RACK_DIR/munge/key"
    chmod 400 "$RACK_DIR/munge/key"
}
# Slurm wants a character device for each GPU; a link to /dev/null is one, and needs no mknod.
for ((gpu = 0; gpu < gpus; gpu++)); do ln -sfn /dev/null "$slurm/dev/gpu$gpu"; done
cat >"$slurm/gres.conf" <<END
AutoDetect=off
Name=gpu Type=fake File=$slurm/dev/gpu[0-$((gpus - 1))]
END
# 22.05 loads a cgroup plugin even where nothing uses it, and this one touches nothing. 23.02 has CgroupPlugin=disabled.
printf 'CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n' >"$slurm/cgroup.conf"
cat >"$slurm/slurm.conf" <<END
ClusterName=rack
SlurmctldHost=head
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job becomes eligible after so long and a second: two minutes by default.
AuthInfo=cred_expire=5
StateSaveLocation=$RACK_DIR/state
SlurmdSpoolDir=/run/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=$log/slurmctld.log
SlurmdLogFile=$log/slurmd.%h.log
SlurmctldDebug=info
SlurmdDebug=info
# Without cgroups: process trees are followed through /proc.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
# More CPUs and memory may be declared than the machine has.
SlurmdParameters=config_overrides
# A node that died comes back by itself; one that was set down stays down.
ReturnToService=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=1,requeue_setup_env_fail
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$log/jobcomp.txt
# Faults must show within seconds.
SlurmdTimeout=10
SlurmctldTimeout=10
KillWait=5
BatchStartTimeout=10
MessageTimeout=10
UnkillableStepTimeout=30
OverTimeLimit=0
MinJobAge=600
PropagateResourceLimits=NONE
NodeName=${RACK_HOSTS// /,} CPUs=${RACK_CPUS:-4} RealMemory=4000 Gres=gpu:fake:$gpus State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
END

for host in head "${hosts[@]}"; do
    on "$host" mountpoint -q /etc/slurm || on "$host" mount -n --bind "$slurm" /etc/slurm
    on "$host" test -S /run/munge/munge.socket.2 ||
        on "$host" munged --key-file="$RACK_DIR/munge/key" --socket=/run/munge/munge.socket.2 --num-threads=2 \
            --pid-file=/run/munge/munged.pid --log-file="$RACK_DIR/munge/log.$host" --seed-file="$RACK_DIR/munge/seed.$host"
done
on head timeout 5 scontrol ping 2>/dev/null | grep -q UP || on head slurmctld
for host in "${hosts[@]}"; do
    # shellcheck disable=SC2016  # for the shell on that host
    on "$host" sh -c 'kill -0 "$(cat /run/slurmd.pid)" 2>/dev/null || { mkdir -p /run/slurmd; exec slurmd; }' 2>/dev/null
done
for _ in {1..100}; do
    ! idle || exit 0
    sleep 0.2
done
on head sinfo -N -l
echo "Slurm did not come up"
tail -n 20 "$log"/slurm*.log
exit 1
