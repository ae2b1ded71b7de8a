# Shared by the findings: a temporary folder, pinned packages in it, and the comparison with the recorded output.
# Exit code 0: as recorded. 1: the behaviour changed. 2: the script could not run.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

cannot() {
    printf 'could not run: %s\n' "$*" >&2
    exit 2
}

# python_packages NAME==VERSION...: install exactly these, and their dependencies, in a virtual environment.
python_packages() {
    [ -d "$work/venv" ] || python3 -m venv "$work/venv" || cannot "python3 with venv is needed"
    "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@" >"$work/pip.log" 2>&1 ||
        cannot "pip cannot install $*"
    printf 'with %s\n' "$*"
}

# node_packages NAME@VERSION...: install exactly these modules, and their dependencies, in the folder.
node_packages() {
    (cd "$work" && npm install --silent --no-audit --no-fund --ignore-scripts "$@") >"$work/npm.log" 2>&1 ||
        cannot "npm cannot install $*"
    printf 'with %s\n' "$*"
}

# expected: store the recorded output from standard input.
expected() {
    cat >"$work/expected"
}

# compare: print the output, and exit with 1 if it differs from the recorded one.
compare() {
    cat "$work/seen"
    if ! cmp -s "$work/expected" "$work/seen"; then
        printf 'CHANGED. Recorded output:\n'
        cat "$work/expected"
        cat "$work/errors" >&2
        exit 1
    fi
    printf 'as recorded\n'
}

# python_prints: run the program on standard input with the installed packages, and compare its output.
python_prints() {
    cat >"$work/program.py"
    (cd "$work" && PYTHONWARNINGS=ignore venv/bin/python program.py) >"$work/seen" 2>"$work/errors" || true
    compare
}

# node_prints: do the same with a JavaScript module.
node_prints() {
    cat >"$work/program.mjs"
    (cd "$work" && node --no-warnings program.mjs) >"$work/seen" 2>"$work/errors" || true
    compare
}
