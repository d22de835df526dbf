#!/bin/bash
# A private rack of virtual hosts on one machine: `head` and $RACK_HOSTS, each with an address, a host name, a process
# table, /run, /dev/shm, /etc/hosts and an sshd of its own (net, UTS, PID, IPC and mount namespaces).
#
#   RACK_DIR=DIR hosts_up.sh      start; a running rack is kept, a half-dead one is taken down first
#   DIR/on HOST COMMAND...        run a command on a host, in the same folder and environment
#   hosts_down.sh                 take it down
#
# Nothing shows outside: bridge and cables live inside head's namespace, and killing the first process of a host (a power
# cut) removes all of it. The file system is shared, as on a cluster with NFS. There is no way out to the network.
# Exit code 0: up; 77: cannot run here (the reason is printed); 1: error.
#
# Signals to DIR/on are not passed on by nsenter: put `timeout` inside, as in `on node1 timeout 20 COMMAND`.
set -euo pipefail

: "${RACK_DIR:?a folder for the rack}"
RACK_HOSTS=${RACK_HOSTS:-node1 node2}
RACK_NET=${RACK_NET:-10.77.0}
read -ra hosts <<<"$RACK_HOSTS"
here=$(cd "$(dirname "$0")" && pwd)

cannot() {
    echo "cannot start virtual hosts: $*"
    exit 77
}

# Whether the first process of a host lives, and is ours.
alive() {
    local pid
    pid=$(cat "$RACK_DIR/pid/$1" 2>/dev/null) && [[ -n $pid ]] &&
        tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qx "RACK_INIT=$RACK_DIR:$1"
}

all_alive() {
    [[ -f $RACK_DIR/complete ]] || return 1
    for host in head "${hosts[@]}"; do alive "$host" || return 1; done
}

all_alive 2>/dev/null && exit 0

[[ $(id -u) == 0 ]] || cannot "making namespaces needs root, and this is user $(id -u)"
for program in unshare nsenter ip ssh ssh-keygen; do
    command -v "$program" >/dev/null || cannot "there is no program '$program'"
done
[[ -x /usr/sbin/sshd ]] || cannot "there is no sshd (apt-get install openssh-server)"
unshare --net --uts --ipc --mount --pid --fork --mount-proc true 2>/dev/null || cannot "namespaces are refused"
unshare --net ip link add t0 type veth peer name t1 2>/dev/null || cannot "this kernel has no veth"
unshare --net ip link add t0 type bridge 2>/dev/null || cannot "this kernel has no bridge"

[[ ! -d $RACK_DIR/pid ]] || "$here/hosts_down.sh"
mkdir -p "$RACK_DIR"/{pid,ssh,log}
chmod 755 "$RACK_DIR"
chmod 700 "$RACK_DIR/ssh"

# Addresses: head .1, hosts from .11 on.
echo "$RACK_HOSTS" >"$RACK_DIR/hosts.list"
{
    echo "127.0.0.1 localhost"
    echo "$RACK_NET.1 head"
    for place in "${!hosts[@]}"; do echo "$RACK_NET.$((11 + place)) ${hosts[place]}"; done
} >"$RACK_DIR/hosts"
for host in "${hosts[@]}"; do echo "$host slots=${RACK_SLOTS:-1}"; done >"$RACK_DIR/hostfile"

ssh=$RACK_DIR/ssh
[[ -f $ssh/id ]] || ssh-keygen -q -t ed25519 -N '' -C rack -f "$ssh/id"
[[ -f $ssh/host_key ]] || ssh-keygen -q -t ed25519 -N '' -C rack-host -f "$ssh/host_key"
cp "$ssh/id.pub" "$ssh/authorized_keys"
key=$(cut -d' ' -f1,2 "$ssh/host_key.pub")
awk -v key="$key" '{ print $1, key; print $2, key }' "$RACK_DIR/hosts" >"$ssh/known_hosts"
cat >"$ssh/ssh_config" <<END
Host *
  IdentityFile $ssh/id
  IdentitiesOnly yes
  UserKnownHostsFile $ssh/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 5
  ServerAliveInterval 5
  ServerAliveCountMax 3
END
cat >"$ssh/sshd_config" <<END
Port 22
AddressFamily inet
HostKey $ssh/host_key
AuthorizedKeysFile $ssh/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PidFile /run/sshd.pid
UseDNS no
MaxStartups 100:30:200
END

# The first process of a host; bash reaps every orphan. `mount -n`: else libmount leaves /run/mount on the real machine.
cat >"$RACK_DIR/init" <<'END'
#!/bin/bash
name=$1 dir=$2
hostname "$name"
mount -n -t tmpfs -o mode=755 tmpfs /run
mount -n -t tmpfs -o mode=1777 tmpfs /dev/shm
mkdir -p /run/sshd /run/munge
mount -n --bind "$dir/hosts" /etc/hosts
mount -n --bind "$dir/ssh/ssh_config" /etc/ssh/ssh_config
ip link set lo up
touch "$dir/pid/$name.ready"
while :; do sleep 3600 & wait; done
END
cat >"$RACK_DIR/on" <<END
#!/bin/bash
host=\$1
shift
pid=\$(cat "$RACK_DIR/pid/\$host") || exit 66
exec nsenter -t "\$pid" -n -u -i -m -p --wdns="\$PWD" -- "\$@"
END
chmod +x "$RACK_DIR/init" "$RACK_DIR/on"

on() { "$RACK_DIR/on" "$@"; }

for host in head "${hosts[@]}"; do
    rm -f "$RACK_DIR/pid/$host.ready"
    RACK_INIT=$RACK_DIR:$host setsid unshare --net --uts --ipc --mount --pid --fork --mount-proc --kill-child \
        --propagation private bash "$RACK_DIR/init" "$host" "$RACK_DIR" </dev/null >"$RACK_DIR/log/init.$host" 2>&1 &
    echo $! >"$RACK_DIR/pid/$host.unshare"
done
for host in head "${hosts[@]}"; do
    for _ in {1..200}; do
        [[ ! -f $RACK_DIR/pid/$host.ready ]] || break
        sleep 0.05
    done
    [[ -f $RACK_DIR/pid/$host.ready ]] || {
        echo "host $host did not start"
        cat "$RACK_DIR/log/init.$host"
        exit 1
    }
    above=$(cat "$RACK_DIR/pid/$host.unshare")
    tr -d ' ' <"/proc/$above/task/$above/children" >"$RACK_DIR/pid/$host"
done

on head ip link add br0 type bridge
on head ip addr add "$RACK_NET.1/24" dev br0
on head ip link set br0 up
for place in "${!hosts[@]}"; do
    host=${hosts[place]}
    # From outside, with head's network only: process ids mean something there, and not inside.
    nsenter -t "$(cat "$RACK_DIR/pid/head")" -n \
        ip link add "v$host" type veth peer name eth0 netns "$(cat "$RACK_DIR/pid/$host")"
    on head ip link set "v$host" master br0 up
    on "$host" ip addr add "$RACK_NET.$((11 + place))/24" dev eth0
    on "$host" ip link set eth0 up
done
for host in head "${hosts[@]}"; do on "$host" /usr/sbin/sshd -f "$ssh/sshd_config" -E "$RACK_DIR/log/sshd.$host"; done
for host in "${hosts[@]}"; do
    for try in {1..50}; do
        ! on head ssh "$host" true 2>"$RACK_DIR/log/ssh.$host" || break
        sleep 0.1
    done
    ((try < 50)) || {
        cat "$RACK_DIR/log/ssh.$host"
        exit 1
    }
done
touch "$RACK_DIR/complete"
