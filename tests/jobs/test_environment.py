"""What jobs inherit from the submitting shell."""

from ds_stilts.jobs.environment import job_environment


def test_what_finds_and_tunes_programs_is_inherited() -> None:
    shell = {
        "PATH": "/bin", "VIRTUAL_ENV": "/venv", "NCCL_IB_HCA": "mlx5", "DS_STILTS_CACHE": "/cache", "LC_ALL": "C",
        "BASH_FUNC_module%%": "() { :; }", "TOKENIZERS_PARALLELISM": "false", "HF_HOME": "/hf",
        "PYTHONUTF8": "1",
    }  # fmt: skip
    assert job_environment(shell) == shell


def test_secrets_and_what_belongs_to_another_job_stay_behind() -> None:
    shell = {
        "HF_TOKEN": "s3cret", "WANDB_API_KEY": "s3cret", "DS_HUB_TOKEN": "s3cret", "NCCL_PASSWORD": "s3cret",
        "SLURM_JOB_ID": "7", "SLURM_NTASKS": "8", "SBATCH_EXPORT": "NONE", "SBATCH_JOB_NAME": "x", "RANK": "0",
        "MASTER_ADDR": "node1", "EDITOR": "vi",
    }  # fmt: skip
    assert job_environment(shell) == {}


def test_a_site_may_add_names() -> None:
    assert job_environment({"MY_MPI": "x", "OTHER": "y"}, ["MY_MPI", "NOT_SET"]) == {"MY_MPI": "x"}
