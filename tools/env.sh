#!/bin/sh
# Make .venv at the root, once; bring it up to date when pyproject.toml or constraints.txt changed.
# The pins it was made from are kept inside it and compared by content: a git checkout changes
# file times. PYTHON=python3.12 picks another interpreter.
set -eu
cd "$(dirname "$0")/.."

pins=.venv/coursekit-pins       # what a finished environment was made from
unfinished=.venv/coursekit-unfinished

wanted() {
    printf '%s\n' "$PWD"   # a moved folder breaks the scripts in .venv/bin
    cat pyproject.toml constraints.txt
}

stop() {
    printf 'make env: %s\n' "$1" >&2
    exit 1
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

find_python() {
    found=""
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        version=$(version_of "$candidate") || continue
        found="$found $candidate is $version;"
        case $version in 3.11 | 3.12 | 3.13) ;; *) continue ;; esac
        "$candidate" -c 'import ensurepip, venv' 2>/dev/null || {
            found="$found but it cannot make environments (on Debian or Ubuntu: sudo apt install python3-venv);"
            continue
        }
        python=$candidate
        return
    done
    stop "needs Python 3.11, 3.12 or 3.13. Found:${found:- none}
Install one, or name it: make env PYTHON=/path/to/python3.12"
}

must_begin_again() {
    [ -e "$unfinished" ] && return                        # an interrupted install
    version_of .venv/bin/python >/dev/null || return 0    # its interpreter is gone
    [ -f "$pins" ] && [ "$(head -n 1 "$pins")" != "$PWD" ] && return
    [ -n "${PYTHON:-}" ] && [ "$(version_of "$PYTHON")" != "$(version_of .venv/bin/python)" ]
}

if must_begin_again; then
    [ -z "${PYTHON:-}" ] || find_python    # a wrong PYTHON must not cost the environment
    rm -rf .venv
elif [ -f "$pins" ] && wanted | cmp -s - "$pins"; then
    exit 0
fi

if [ ! -d .venv ]; then
    find_python
    echo "Making .venv with $python: some 4 GB (8 GB on Linux), a few minutes, once."
    mkdir .venv
    wanted > "$unfinished"
    "$python" -m venv .venv
else
    echo "The pins changed: bringing .venv up to date."
    wanted > "$unfinished"
    rm -f "$pins"
fi
trap 'exit 130' INT TERM    # an interrupted install keeps its mark, and is made anew
if ! .venv/bin/python -m pip install --disable-pip-version-check --no-warn-script-location \
    -c constraints.txt -e '.[keras,dev]'; then
    rm -f "$unfinished"     # pip undoes what it could not finish, so the next run can go on
    stop "the installation stopped; the reason stands above. Run the same command again."
fi
mv "$unfinished" "$pins"
