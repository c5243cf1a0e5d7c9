# shellcheck shell=bash
# What the scripts share; each one sources it first. It goes to the root of the repository, so that
# all paths below are relative to that. Talk goes to stderr: stdout belongs to what is started.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# usage: prints the comment at the head of the script that runs, which is its help.
usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "script/$(basename "$0")"
}

# listed_files: those that Meson finds by listing a directory, which it does when it is set up.
listed_files() {
    find tests/scenario tests/fuzz -maxdepth 1 \( -name '*.txt' -o -name 'fuzz_*.c' \) | sort
}

# configure DIR OPTION...: sets a build directory up, once. One whose options have changed since is
# made anew, one that lacks a listed file is asked to look again; one that a person has set up
# otherwise is left as it is.
configure() {
    local dir=$1 mark=$1/.script-options list=$1/.script-files
    shift
    local wanted="CC=${CC:-gcc} $*"
    if [ -f "$dir/build.ninja" ] && { [ ! -f "$mark" ] || [ "$(cat "$mark")" = "$wanted" ]; }; then
        if ! listed_files | cmp -s - "$list"; then
            meson setup --reconfigure "$dir" >"$dir/meson-setup.log"
            listed_files >"$list"
        fi
        return
    fi
    if [ -d "$dir" ]; then
        rm -rf "$dir"
    fi
    say "setting up $dir/"
    if ! CC=${CC:-gcc} meson setup "$dir" "$@" >"$dir.log" 2>&1; then
        tail -n 6 "$dir.log" >&2
        rm -f "$dir.log"
        die "meson could not set up $dir/"
    fi
    mv "$dir.log" "$dir/meson-setup.log"
    printf '%s\n' "$wanted" >"$mark"
    listed_files >"$list"
}

# compile DIR TARGET...: builds, saying nothing when nothing is to be done.
compile() {
    local dir=$1 log=$1/script-build.log
    shift
    if [ "$(ninja -C "$dir" -n "$@" 2>&1 | tail -n 1)" = 'ninja: no work to do.' ]; then
        return
    fi
    say "building $dir/"
    if [ -t 2 ]; then
        ninja -C "$dir" "$@" >&2
    elif ! ninja -C "$dir" --quiet "$@" >"$log" 2>&1; then
        # The compiler's command line says little; what it complains of says more.
        grep -v -e ' -MF ' "$log" | tail -n 40 >&2
        return 1
    fi
}

# c_files: every C source and header of ours, one path a line.
c_files() {
    find src tests bench -name node_modules -prune -o -name '*.[ch]' -print | sort
}
