# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# Names come from the second column of a list. Without root, the list is empty.
_cnm_names() { "${COMP_WORDS[0]}" "$1" ls 2>/dev/null | awk 'NR > 1 {print $2}'; }

_cnm() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local kind=${COMP_WORDS[1]} verb=${COMP_WORDS[2]} choices='' keys
    COMPREPLY=()
    case $COMP_CWORD:$kind:$verb in
    1:*) choices='network sandbox endpoint restore events progress check doctor graph serve forget --version --help' ;;
    2:sandbox:*) choices='ls inspect exec create rm start stop restart' ;;
    2:network:*) choices='ls inspect create rm connect disconnect prune' ;;
    2:endpoint:*) choices='ls inspect create join leave rm' ;;
    3:sandbox:exec) choices=$(_cnm_names sandbox) ;;
    4:sandbox:exec) mapfile -t COMPREPLY < <(compgen -c -- "$word") && return ;;
    *:sandbox:exec) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    *:inspect)
        choices=$(_cnm_names "$kind")
        if [[ $word == -* ]]; then choices='--format --help'; fi
        ;;
    *:network:create)
        case $before in
        -d | --driver) choices='bridge overlay macvlan ipvlan openvswitch' ;;
        --ipam-driver) choices='default dhcp' ;;
        *)
            choices='--driver --ipam-driver --subnet --gateway --ip-range --aux-address --opt --label --internal'
            choices+=' --ipv6 --dry-run --diff --help'
            ;;
        esac
        ;;
    *:sandbox:create)
        case $before in
        --net | --network) choices=$(_cnm_names network) ;;
        --netns) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
        *)
            choices='--network --publish --ip --ip6 --mac-address --network-alias --hostname --domainname --dns'
            choices+=' --dns-search --dns-option --add-host --sysctl --label --netns --dry-run --diff --help'
            ;;
        esac
        ;;
    *:network:connect | *:network:disconnect)
        if [[ $word == -* ]]; then
            choices='--dry-run --diff --help'
            if [[ $verb == connect ]]; then choices+=' --ip --ip6 --alias --gw-priority'; else choices+=' --force'; fi
        else
            choices="$(_cnm_names network) $(_cnm_names sandbox)"
        fi
        ;;
    *:network:prune) choices='--force --filter --dry-run --diff --help' ;;
    *:network:rm | *:sandbox:rm | *:sandbox:start | *:sandbox:stop | *:sandbox:restart)
        if [[ $word == -* ]]; then
            choices='--dry-run --diff --help'
            if [[ $verb == rm ]]; then choices+=' --force'; fi
        else
            choices=$(_cnm_names "$kind")
        fi
        ;;
    3:endpoint:create | 3:endpoint:join | 3:endpoint:leave | 3:endpoint:rm) choices=$(_cnm_names network) ;;
    4:endpoint:join | 4:endpoint:leave | *:endpoint:rm) choices="$(_cnm_names endpoint) --dry-run --diff --help" ;;
    5:endpoint:join) choices=$(_cnm_names sandbox) ;;
    *:endpoint:create)
        choices='--ip --ip6 --mac-address --alias --publish --gw-priority --dry-run --diff --help'
        ;;
    *:events:*)
        case $before in
        -f | --filter) choices='type=network type=sandbox type=endpoint event= network= sandbox=' ;;
        --format) choices='text json' ;;
        *) choices='--filter --format --help' ;;
        esac
        ;;
    2:check:*) choices='--format --help' ;;
    2:doctor:* | 3:doctor:*) choices=$(_cnm_names sandbox) ;;
    *:graph:*)
        if [[ $before == --format ]]; then
            choices='svg html dot json'
        elif [[ $word == -* ]]; then
            choices='--format --into --dry-run --help'
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$word") && return
        fi
        ;;
    2:serve:*) choices='--engines --docker --docker-api --etcd --metrics --help' ;;
    3:serve:--engines | *:serve:--docker* | 3:serve:--etcd | 3:serve:--metrics) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    3:check:--format) choices='table json' ;;
    *:ls)
        case $before in
        --format) choices='table json' ;;
        -f | --filter)
            case $kind in
            network) keys='driver= label= label!= name= id= scope= type= dangling=' ;;
            sandbox) keys='label= label!= name= id= network= status=' ;;
            *) keys='name= id= network= sandbox=' ;;
            esac
            compopt -o nospace
            choices=$keys
            ;;
        *) choices='--quiet --no-trunc --filter --format --help' ;;
        esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

complete -F _cnm cnm
