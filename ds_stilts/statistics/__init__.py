"""How sure a number is: functions from arrays to arrays, which know no task, no language and no file."""
