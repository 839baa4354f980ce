# shellcheck shell=bash
# shellcheck disable=SC2059  # the table below is the format
# Everything the scripts say before Python is there, in Korean and English.

# text KEY ARGUMENTS...
text() {
  local key=$1 format
  shift
  case "$(ondol_language)/$key" in
    ko/progress_installing) format=' · 패키지 %s개 설치 중' ;;
    en/progress_installing) format=' · installing %s packages' ;;
    ko/progress_collecting) format=' · 패키지 %s개 찾음, %s개 받음' ;;
    en/progress_collecting) format=' · %s packages found, %s fetched' ;;

    ko/way_docker) format='NVIDIA GPU와 Docker가 있는 서버입니다. 이 버전은 여기서도 노트북 방식(CPU 모델)으로 켭니다.' ;;
    en/way_docker) format='This is a host with Docker and an NVIDIA GPU; this release runs the laptop way here (a model on the CPU).' ;;
    ko/way_pod) format='RunPod 파드입니다. 이 버전은 여기서도 노트북 방식(CPU 모델)으로 켭니다.' ;;
    en/way_pod) format='This is a RunPod pod; this release runs the laptop way here (a model on the CPU).' ;;

    ko/busy) format='다른 quick_start.sh(프로세스 %s)가 이 폴더에서 일하고 있습니다.' ;;
    en/busy) format='Another quick_start.sh (process %s) is at work in this folder.' ;;
    ko/busy_next) format='끝날 때까지 기다린 뒤 다시 실행하세요.' ;;
    en/busy_next) format='Wait for it to finish, then run this again.' ;;

    ko/no_python) format='Python 3.11 이상이 필요한데 찾지 못했습니다(찾은 것: %s).' ;;
    en/no_python) format='Python 3.11 or newer is needed and was not found (found: %s).' ;;
    ko/no_python_next) format='설치하세요: %s. 다른 곳에 있으면 ONDOL_PYTHON=/경로/python3 ./quick_start.sh' ;;
    en/no_python_next) format='Install it: %s. If it is somewhere else: ONDOL_PYTHON=/path/to/python3 ./quick_start.sh' ;;
    ko/none) format='없음' ;;
    en/none) format='none' ;;

    ko/no_venv) format='%s에 가상 환경 모듈(venv)이 없습니다.' ;;
    en/no_venv) format='%s has no module for virtual environments (venv).' ;;
    ko/no_venv_next) format='설치하고 다시 실행하세요: sudo apt-get install %s' ;;
    en/no_venv_next) format='Install it and run this again: sudo apt-get install %s' ;;
    ko/no_openmp) format='모델 서버에 필요한 시스템 라이브러리 libgomp.so.1이 없습니다.' ;;
    en/no_openmp) format='The system library libgomp.so.1, which the model server needs, is missing.' ;;
    ko/no_openmp_next) format='설치하고 다시 실행하세요: sudo apt-get install libgomp1 (Fedora: sudo dnf install libgomp)' ;;
    en/no_openmp_next) format='Install it and run this again: sudo apt-get install libgomp1 (Fedora: sudo dnf install libgomp)' ;;
    ko/apt) format='apt로 설치: %s' ;;
    en/apt) format='installing with apt: %s' ;;

    ko/not_ours) format='%s 폴더가 있지만 가상 환경이 아닙니다.' ;;
    en/not_ours) format='The folder %s exists and is not a virtual environment.' ;;
    ko/not_ours_next) format='옮기거나 지운 뒤 다시 실행하세요.' ;;
    en/not_ours_next) format='Move or delete it, then run this again.' ;;
    ko/rebuild) format='가상 환경이 완전하지 않아 새로 만듭니다.' ;;
    en/rebuild) format='The virtual environment is incomplete; making it again.' ;;
    ko/making_venv) format='가상 환경 만들기' ;;
    en/making_venv) format='making the virtual environment' ;;
    ko/installing) format='패키지 설치' ;;
    en/installing) format='installing packages' ;;

    ko/given_venv) format='ONDOL_VENV=%s에 필요한 패키지가 없거나 버전이 다릅니다: %s' ;;
    en/given_venv) format='ONDOL_VENV=%s lacks packages or has other versions: %s' ;;
    ko/given_venv_next) format='거기에 설치하거나(python -m pip install -r %s), ONDOL_VENV를 지우세요.' ;;
    en/given_venv_next) format='Install them there (python -m pip install -r %s), or unset ONDOL_VENV.' ;;

    ko/pip_network) format='패키지 저장소(PyPI)에 닿지 않아 설치하지 못했습니다.' ;;
    en/pip_network) format='The package index (PyPI) could not be reached.' ;;
    ko/pip_network_next) format='인터넷 연결이나 프록시(HTTPS_PROXY), 사내 미러(PIP_INDEX_URL)를 확인하고 다시 실행하세요. 기록: %s' ;;
    en/pip_network_next) format='Check the connection, the proxy (HTTPS_PROXY) or a mirror (PIP_INDEX_URL), then run this again. Log: %s' ;;
    ko/pip_certificate) format='패키지 저장소(PyPI)의 인증서를 확인하지 못해 설치하지 못했습니다.' ;;
    en/pip_certificate) format='The certificate of the package index (PyPI) could not be verified.' ;;
    ko/pip_certificate_next) format='사내망이라면 그 인증서를 알려 주세요: PIP_CERT=/경로/ca.crt ./quick_start.sh. 컴퓨터의 날짜도 확인하세요. 기록: %s' ;;
    en/pip_certificate_next) format='In a company network name its certificate: PIP_CERT=/path/ca.crt ./quick_start.sh. Check the clock, too. Log: %s' ;;
    ko/pip_failed) format='패키지를 설치하지 못했습니다: %s' ;;
    en/pip_failed) format='The packages could not be installed: %s' ;;
    ko/pip_failed_next) format='기록을 보세요: %s. 다시 실행하면 이어서 합니다.' ;;
    en/pip_failed_next) format='See the log: %s. Running this again goes on from here.' ;;

    ko/no_disk) format='디스크 공간이 모자랍니다: %s에 %s MB가 필요한데 %s MB 남았습니다.' ;;
    en/no_disk) format='Not enough disk: %s needs %s MB and has %s MB left.' ;;
    ko/no_disk_next) format='공간을 비우고 다시 실행하세요.' ;;
    en/no_disk_next) format='Free some space, then run this again.' ;;
    ko/read_only) format='%s 폴더에 쓸 수 없습니다.' ;;
    en/read_only) format='The folder %s cannot be written to.' ;;
    ko/read_only_next) format='권한을 확인하거나, 쓸 수 있는 곳에 저장소를 복제하세요.' ;;
    en/read_only_next) format='Check its permissions, or clone into a folder of your own.' ;;

    ko/interrupted) format='멈췄습니다. 다시 실행하면 이어서 합니다.' ;;
    en/interrupted) format='Interrupted. Running this again goes on from here.' ;;
    ko/not_installed) format='아직 설치하지 않았고, 켜진 것도 없습니다. 켜기: ./quick_start.sh' ;;
    en/not_installed) format='Nothing is installed here yet, and nothing runs. Start: ./quick_start.sh' ;;
    ko/bad_option) format='모르는 옵션: %s' ;;
    en/bad_option) format='unknown option: %s' ;;
    ko/needs_value) format='%s 뒤에 값이 필요합니다' ;;
    en/needs_value) format='%s needs a value' ;;
    ko/bad_port) format='--port는 1에서 65535 사이의 수입니다: %s' ;;
    en/bad_port) format='--port takes a number from 1 to 65535, not: %s' ;;

    ko/chromium) format='화면 테스트용 Chromium 설치' ;;
    en/chromium) format='installing Chromium for the browser tests' ;;
    ko/no_chromium) format='Chromium을 설치하지 못해 화면 테스트를 할 수 없습니다.' ;;
    en/no_chromium) format='Chromium could not be installed, so the browser tests cannot run.' ;;
    ko/no_chromium_next) format='설치한 뒤 경로를 알려 주세요: CHROMIUM=/경로/chromium ./run_tests.sh (기록: %s)' ;;
    en/no_chromium_next) format='Install it and name it: CHROMIUM=/path/to/chromium ./run_tests.sh (log: %s)' ;;

    ko/tunnel_no_host) format='어디에 연결할지 적어 주세요: 사용자@주소' ;;
    en/tunnel_no_host) format='Say where to connect: USER@HOST' ;;
    ko/tunnel_bad_number) format='%s 값이 쓸 수 없는 숫자입니다: %s' ;;
    en/tunnel_bad_number) format='%s needs a number that can be used, not: %s' ;;
    ko/tunnel_no_program) format='%s 프로그램이 없습니다.' ;;
    en/tunnel_no_program) format='The program %s is missing.' ;;
    ko/tunnel_no_program_next) format='설치하고 다시 실행하세요: %s' ;;
    en/tunnel_no_program_next) format='Install it and run this again: %s' ;;
    ko/tunnel_port_taken) format='이 컴퓨터의 포트 %s을(를) 다른 프로그램이 쓰고 있습니다.' ;;
    en/tunnel_port_taken) format='Another program on this machine uses port %s.' ;;
    ko/tunnel_port_taken_next) format='이미 열린 터널이라면 그대로 쓰고, 아니면 --embed-port와 --llm-port로 다른 포트를 고르세요.' ;;
    en/tunnel_port_taken_next) format='If it is a tunnel that is open already, use that; else choose others with --embed-port and --llm-port.' ;;
    ko/tunnel_connecting) format='%s(포트 %s)에 연결하는 중' ;;
    en/tunnel_connecting) format='connecting to %s (port %s)' ;;
    ko/tunnel_state) format='임베딩 서버: %s · 언어 모델: %s' ;;
    en/tunnel_state) format='embedding server: %s · language model: %s' ;;
    ko/tunnel_ready) format='준비됨' ;;
    en/tunnel_ready) format='ready' ;;
    ko/tunnel_waiting) format='기다리는 중' ;;
    en/tunnel_waiting) format='not ready yet' ;;
    ko/tunnel_settings) format='이 컴퓨터의 .env에 적을 것(준비된 쪽만):' ;;
    en/tunnel_settings) format='For .env on this machine (of what is ready):' ;;
    ko/tunnel_stay) format='이 창을 열어 두세요. 연결이 끊기면 다시 연결합니다. Ctrl-C로 닫습니다.' ;;
    en/tunnel_stay) format='Leave this open; a lost connection is made again. Ctrl-C closes it.' ;;
    ko/tunnel_failed) format='%s에 연결하지 못했습니다(ssh가 %s(으)로 끝남).' ;;
    en/tunnel_failed) format='No connection to %s (ssh ended with %s).' ;;
    ko/tunnel_failed_next) format='위의 ssh 메시지를 보고 주소, -p 포트, -i 키를 확인하세요.' ;;
    en/tunnel_failed_next) format='See what ssh says above; check the address, -p PORT and -i KEY.' ;;
    ko/tunnel_lost) format='연결이 끊겼습니다. %s초 뒤에 다시 연결합니다.' ;;
    en/tunnel_lost) format='The connection is lost; connecting again in %s s.' ;;
    ko/tunnel_closed) format='터널을 닫았습니다.' ;;
    en/tunnel_closed) format='The tunnel is closed.' ;;
    *) format="$key" ;;
  esac
  printf -- "$format" "$@"
}

usage() {
  if [ "$(ondol_language)" = ko ]; then
    cat <<'KO'
사용법: ./quick_start.sh [옵션]

Ondol을 켜고, 대답할 준비가 되면 주소를 알려 줍니다. 이미 켜져 있으면 주소만 알려 줍니다.

  --small          작은 모델(Qwen2.5-Coder 0.5B)로. 다음에 켤 때도 기억합니다
  --model 이름     다른 모델로(목록: .venv/bin/python -m backend.models list). 기억합니다
  --port 번호      화면의 포트(기본 7860). 기억합니다
  --foreground     켠 뒤 돌아가지 않고 지킵니다. Ctrl-C로 모두 끕니다
  --status         무엇이 켜져 있는지 보여 줍니다. 모두 정상이면 0으로 끝납니다
  --logs [서비스]  기록을 보여 줍니다: app, llm, embedding, database, supervisord, install
  --stop           모두 끕니다
  --help           이 도움말

설정은 환경 변수나 .env로 합니다: docs/configuration.md
KO
  else
    cat <<'EN'
Usage: ./quick_start.sh [option]

Starts Ondol and prints its address when it answers. When it already runs, only prints the address.

  --small           the small model (Qwen2.5-Coder 0.5B); remembered for the next starts
  --model NAME      another model (list: .venv/bin/python -m backend.models list); remembered
  --port N          port of the page (7860 unless set); remembered
  --foreground      stay after the start; Ctrl-C stops everything
  --status          show what runs; exit status 0 when all of it is well
  --logs [SERVICE]  show logs: app, llm, embedding, database, supervisord, install
  --stop            stop everything
  --help            this text

Settings come from the environment or .env: docs/configuration.md
EN
  fi
}
