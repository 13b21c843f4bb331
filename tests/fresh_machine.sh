#!/usr/bin/env bash
# Proves the two commands of the README on a fresh Debian 12: python3, its venv module, gcc, make,
# nothing else.
#
#   tests/fresh_machine.sh CACHE [TARGET...]      (root; debootstrap and unshare)
#
# Unpacks a debootstrap chroot (kept as a tarball in the folder CACHE), clones the HEAD of this
# project into it, and runs every TARGET there (default: demo demo test test). The chroot has its
# own mount and process namespace, so whatever happens nothing stays mounted or running; a process
# that a target leaves behind is a failure. How this machine reaches its package sources (apt's and
# pip's configuration, proxies, certificates, folders of wheels) is passed through as it is found;
# no host is named here.
set -euo pipefail

SUITE=bookworm
PACKAGES="python3 python3-venv gcc make ca-certificates"
declare -A LIMIT_S=([demo]=180 [test]=1200) # what the README promises of a first run
SECOND_DEMO_LIMIT_S=20

if [ $# -lt 1 ] || [ "$(id -u)" -ne 0 ]; then
    echo "usage, as root: tests/fresh_machine.sh CACHE [TARGET...]" >&2
    exit 2
fi
cache=$(mkdir -p "$1" && cd "$1" && pwd)
shift
if [ $# -eq 0 ]; then set -- demo demo test test; fi
project=$(cd "$(dirname "$0")/.." && pwd)
script=$project/tests/fresh_machine.sh

# The second pass runs as process 1 of its own namespaces.
if [ -z "${FRESH_MACHINE_ROOT:-}" ]; then
    root=$(mktemp -d "$cache/root.XXXXXX")
    FRESH_MACHINE_ROOT=$root unshare --mount --propagation private --pid --fork --kill-child \
        "$script" "$cache" "$@" &
    inner=$! # its end is the end of every process in there
    trap 'kill -KILL "$inner" 2>/dev/null || true; wait; rm -rf --one-file-system "$root"' EXIT
    trap 'exit 130' INT TERM
    wait "$inner"
    exit
fi
root=$FRESH_MACHINE_ROOT

debian_mirror() { # the first that this machine's apt uses for the suite; none: debootstrap's choice
    local sources
    sources=$(apt-get indextargets --format '$(REPO_URI)' \
        "Created-By: Packages" "Codename: $SUITE" 2>/dev/null || true)
    head -n 1 <<<"$sources"
}

make_tarball() {
    echo "== debootstrap $SUITE"
    # shellcheck disable=SC2046  # no mirror is no argument
    debootstrap --variant=minbase "$SUITE" "$root" $(debian_mirror) >"$cache/debootstrap.log"
    tar -C "$root" -czf "$tarball.new" .
    mv "$tarball.new" "$tarball"
}

copy_in() { # copy_in PATH: the same path inside, if it exists here
    if [ -e "$1" ]; then
        mkdir -p "$root$(dirname "$1")"
        cp -rL "$1" "$root$(dirname "$1")/"
    fi
}

pip_settings() { # their values, one a line
    python3 -m pip config list 2>/dev/null | sed "s/^[^=]*=//" | tr -d "'" | tr ' ' '\n'
}

pass_apt_through() {
    local file
    rm -f "$root/etc/apt/sources.list" # what debootstrap wrote; the machine's own come instead
    for file in sources.list sources.list.d apt.conf.d auth.conf auth.conf.d keyrings \
        trusted.gpg.d; do
        copy_in "/etc/apt/$file"
    done
    copy_in /usr/share/keyrings
}

pass_pip_through() {
    local path
    for path in /etc/pip.conf /etc/xdg/pip "$HOME/.pip" "$HOME/.config/pip" \
        /usr/local/share/ca-certificates; do
        copy_in "$path"
    done
    # Folders of wheels and single files (constraints, certificates) that the settings name.
    for path in $(pip_settings | sed -n 's#^\(file://\)\{0,1\}\(/.*\)$#\2#p'); do
        # file:// indexes keep their files beside them, so the folder above comes along.
        case $path in */simple) path=${path%/simple} ;; esac
        if [ -d "$path" ]; then
            mkdir -p "$root$path" && mount --bind -o ro "$path" "$root$path"
        elif [ -f "$path" ]; then
            copy_in "$path"
        fi
    done
}

mount_system() {
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    mkdir "$root/dev/pts" && mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    mkdir "$root/dev/shm" && mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mknod -m 666 "$root/dev/null" c 1 3
    mknod -m 666 "$root/dev/zero" c 1 5
    mknod -m 666 "$root/dev/full" c 1 7
    mknod -m 666 "$root/dev/random" c 1 8
    mknod -m 666 "$root/dev/urandom" c 1 9
    mknod -m 666 "$root/dev/tty" c 5 0
    ln -s /proc/self/fd "$root/dev/fd"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
}

passed_variables() {
    env | grep -E '^(PIP_|https?_proxy=|HTTPS?_PROXY=|no_proxy=|NO_PROXY=|SSL_CERT_|REQUESTS_CA)' ||
        true
}

inside() { # inside COMMAND: a clean environment but for what reaching the package sources needs
    local variables
    mapfile -t variables < <(passed_variables)
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$HOME" LANG=C.UTF-8 \
        COLUMNS=100 CI="${CI:-}" "${variables[@]}" sh -c "$1"
}

left_running() { # processes of this namespace that have the chroot as their root
    local process
    for process in /proc/[0-9]*; do
        if [ "$(readlink "$process/root" 2>/dev/null)" = "$root" ]; then
            tr '\0' ' ' <"$process/cmdline"
            echo
        fi
    done
}

run_target() { # run_target TARGET NUMBER: a line for the report; fails if a promise is not held
    local limit_s=${LIMIT_S[$1]:-1200} begin=$SECONDS verdict=ok took_s
    if [ "$1" = demo ] && [ "$2" -gt 1 ]; then limit_s=$SECOND_DEMO_LIMIT_S; fi
    echo "== make $1"
    inside "cd /srv/aaad && make $1" || verdict="exit $?"
    took_s=$((SECONDS - begin))
    if [ "$took_s" -gt "$limit_s" ]; then verdict="$verdict, promised in $limit_s s"; fi
    if [ -n "$(left_running)" ]; then verdict="$verdict, left running: $(left_running)"; fi
    report+=("$(printf 'make %-8s %5d s   %s' "$1" "$took_s" "$verdict")")
    [ "$verdict" = ok ]
}

mount -t proc proc /proc # of the new process namespace
tarball=$cache/$SUITE.tar.gz
if [ -f "$tarball" ]; then tar -C "$root" -xzf "$tarball"; else make_tarball; fi
chmod 755 "$root" # apt drops its privileges while it downloads
mount_system
pass_apt_through
echo "== apt-get install $PACKAGES"
inside "apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $PACKAGES" >"$cache/install.log" 2>&1 ||
    { cat "$cache/install.log" >&2 && exit 1; }
pass_pip_through
git clone -q --no-hardlinks "$project" "$root/srv/aaad"

report=()
failed=0
declare -A runs=()
for target in "$@"; do
    runs[$target]=$((${runs[$target]:-0} + 1))
    run_target "$target" "${runs[$target]}" || failed=1
done
commit=$(git -C "$project" rev-parse --short HEAD)
printf '%s\n' "== fresh $SUITE, commit $commit, $(nproc) cores" "${report[@]}"
exit "$failed"
