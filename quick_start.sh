#!/usr/bin/env bash
# Starts Ondol on this machine: ./quick_start.sh --help
set -euo pipefail

ONDOL_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$ONDOL_ROOT"
for part in output messages machine python environment choices lock; do
  # shellcheck source=/dev/null
  . "deploy/lib/$part.sh"
done

wrong_use() {
  printf '%s\n\n' "$1" >&2
  usage >&2
  exit 2
}

action=start
foreground=
service=
new_way=
small=
new_model=
new_port=
while [ $# -gt 0 ]; do
  case $1 in
    --small) small=yes ;;
    --model | --port | --way)
      [ $# -ge 2 ] || wrong_use "$(text needs_value "$1")"
      case $1 in
        --model) new_model=$2 ;;
        --port) new_port=$2 ;;
        --way) new_way=$2 ;;
      esac
      shift
      ;;
    --way=*) new_way=${1#*=} ;;
    --model=*) new_model=${1#*=} ;;
    --port=*) new_port=${1#*=} ;;
    --foreground) foreground=yes ;;
    --status) action=status ;;
    --stop) action=stop ;;
    --logs)
      action=logs
      if [ $# -ge 2 ] && [ "${2#-}" = "$2" ]; then
        service=$2
        shift
      fi
      ;;
    -h | --help)
      usage
      exit
      ;;
    *) wrong_use "$(text bad_option "$1")" ;;
  esac
  shift
done
case $new_port in
  *[!0-9]* | ??????*) wrong_use "$(text bad_port "$new_port")" ;;
  ?*) { [ "$new_port" -ge 1 ] && [ "$new_port" -le 65535 ]; } || wrong_use "$(text bad_port "$new_port")" ;;
esac

case $new_way in
  '' | auto | laptop | pod | docker) ;;
  *) wrong_use "$(text bad_way "$new_way")" ;;
esac

# A way is a file with the functions way_install, way_start, way_attach, way_status, way_logs and way_stop, and with
# those of these where it has more to do.
way_place() { :; }
way_end() { :; }
way_small_model() { wrong_use "$(text bad_option --small)"; }
way=$(current_way "$new_way")
if [ ! -f "deploy/ways/$way.sh" ]; then
  [ "$action" != start ] || say "$(text "way_$way")"
  way=laptop
fi
# shellcheck source=/dev/null
. "deploy/ways/$way.sh"
way_place "$action"
[ -z "$small" ] || new_model=$(way_small_model)

case $action in
  status) way_status ;;
  logs) way_logs "$service" ;;
  stop)
    take_lock
    way_stop
    ;;
  start)
    trap 'stop_child; clear_line; say "$(text interrupted)" >&2; exit 130' INT TERM HUP
    require_writable "$ONDOL_ROOT/var"
    take_lock
    [ -z "$new_way" ] || choose ONDOL_WAY "$new_way"
    if [ "$way" = laptop ] && [ -z "$(chosen ONDOL_WAY)" ] && stays_laptop; then say "  $(text stays_laptop)"; fi
    use_choices "$new_model" "$new_port"
    way_install
    way_start "$new_model" "$new_port"
    release_lock
    if [ -n "$foreground" ]; then way_attach; fi
    way_end
    ;;
esac
