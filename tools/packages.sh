# shellcheck shell=bash disable=SC2154,SC2086,SC2046
# Sourced by tools/quickstart, tools/check and .ci/run: installs the Debian packages of tools/packages.txt.
# Needs $top, the repository root.

# packages_missing GROUP...: those of the groups that are not installed, on one line
packages_missing() {
    local group package missing=""
    while read -r group package; do
        case " $* " in *" $group "*) ;; *) continue ;; esac
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
    done < <(grep -v '^#' "$top/tools/packages.txt")
    echo $missing
}

# packages_install GROUP...: 0 when all are there afterwards; else says in one command what to run
packages_install() {
    command -v dpkg-query >/dev/null || {
        echo "This is no Debian system: see tools/packages.txt for what is needed, by its Debian names." >&2
        return 0
    }
    local missing as=""
    missing=$(packages_missing "$@")
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            as=sudo
        else
            printf 'Some packages are missing. Run this once as root, then the same command again:\n\n  apt-get install -y %s\n\n' "$missing" >&2
            return 1
        fi
    fi
    echo "Installing: $missing"
    { $as apt-get update -q && DEBIAN_FRONTEND=noninteractive $as apt-get install -y -q --no-install-recommends $missing; } \
        >/tmp/anneal-apt.$$ 2>&1 && { rm -f /tmp/anneal-apt.$$; return 0; }
    tail -n 5 /tmp/anneal-apt.$$ >&2
    printf 'The installation failed (all of it: /tmp/anneal-apt.%s). To try by hand:\n\n  apt-get update && apt-get install -y %s\n\n' $$ "$missing" >&2
    return 1
}
