"""Where ranks that `mpirun` started meet: MPI itself tells them, since it sets no MASTER_ADDR and MASTER_PORT."""

import socket

from ds_stilts.cluster.local import free_port
from ds_stilts.errors import ClusterError


def meeting_point(world_size: int) -> tuple[str, int]:
    """Host of rank 0 and a port that is free there; a collective over all processes that `mpirun` started.

    Args:
        world_size: how many these are, by the variables that `mpirun` set.

    Raises:
        ClusterError: mpi4py cannot be used, or there is another MPI than the one that started the processes.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise ClusterError(
            f"mpirun started this process, but mpi4py cannot be used ({str(error).splitlines()[0]}); make libmpi "
            "visible to it, or give a meeting point: mpirun -x MASTER_ADDR=HOST -x MASTER_PORT=29500 …"
        ) from None
    everybody = MPI.COMM_WORLD
    if everybody.Get_size() != world_size:
        raise ClusterError(
            f"mpirun started {world_size} ranks, of which mpi4py sees {everybody.Get_size()}: it found another MPI "
            f"library ({MPI.Get_library_version().splitlines()[0].strip()}); make mpirun's visible to it, or give a "
            "meeting point: mpirun -x MASTER_ADDR=HOST -x MASTER_PORT=29500 …"
        )
    place = (socket.gethostname(), free_port()) if everybody.Get_rank() == 0 else None
    host, port = everybody.bcast(place, root=0)
    return str(host), int(port)
