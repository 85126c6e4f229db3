import sys

from admin.main import run

sys.exit(run(sys.argv[1:]))
