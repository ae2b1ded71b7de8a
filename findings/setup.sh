# Sourced by each finding: a temporary folder, pinned packages in it, and the comparison with the output once seen.
# Exit code 0: as stated. 1: the behaviour changed. 2: it could not be tried.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

cannot() {
    printf 'could not run: %s\n' "$*" >&2
    exit 2
}

# python_packages NAME==VERSION...: a virtual environment with exactly these and what they need.
python_packages() {
    [ -d "$work/venv" ] || python3 -m venv "$work/venv" || cannot "python3 with venv is needed"
    "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@" >"$work/pip.log" 2>&1 ||
        cannot "pip cannot install $*"
    printf 'with %s\n' "$*"
}

# node_packages NAME@VERSION...: a folder of modules with exactly these and what they need.
node_packages() {
    (cd "$work" && npm install --silent --no-audit --no-fund --ignore-scripts "$@") >"$work/npm.log" 2>&1 ||
        cannot "npm cannot install $*"
    printf 'with %s\n' "$*"
}

# expected: keep the output once seen, from standard input.
expected() {
    cat >"$work/expected"
}

# compare: show what was printed, and end with 1 where it differs from what was expected.
compare() {
    cat "$work/seen"
    if ! cmp -s "$work/expected" "$work/seen"; then
        printf 'CHANGED. Once seen:\n'
        cat "$work/expected"
        cat "$work/errors" >&2
        exit 1
    fi
    printf 'as stated\n'
}

# python_prints: run the program on standard input with the installed packages, and compare what it prints.
python_prints() {
    cat >"$work/program.py"
    (cd "$work" && PYTHONWARNINGS=ignore venv/bin/python program.py) >"$work/seen" 2>"$work/errors" || true
    compare
}

# node_prints: the same for a JavaScript module.
node_prints() {
    cat >"$work/program.mjs"
    (cd "$work" && node --no-warnings program.mjs) >"$work/seen" 2>"$work/errors" || true
    compare
}
