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

    ko/way_docker) format='NVIDIA GPU와 Docker가 있는 서버이지만 docker 방식의 파일이 없어 노트북 방식(CPU 모델)으로 켭니다.' ;;
    en/way_docker) format='This is a host with Docker and an NVIDIA GPU, but the files of the docker way are missing: running the laptop way.' ;;
    ko/way_pod) format='RunPod 파드이지만 파드 방식의 파일이 없어 노트북 방식(CPU 모델)으로 켭니다.' ;;
    en/way_pod) format='This is a RunPod pod, but the files of the pod way are missing: running the laptop way.' ;;

    ko/pod_no_volume) format='%s에 볼륨이 없습니다. 컨테이너 디스크에 저장하므로 파드를 멈추면 대화와 문서, 모델이 모두 사라집니다. 파드를 만들 때 볼륨을 붙이세요.' ;;
    en/pod_no_volume) format='There is no volume at %s. Everything is kept on the container disk: stopping the pod loses conversations, documents and the model. Make the pod with a volume.' ;;
    ko/pod_volume_read_only) format='%s 볼륨에 쓸 수 없습니다. 컨테이너 디스크에 저장하므로 파드를 멈추면 모두 사라집니다.' ;;
    en/pod_volume_read_only) format='The volume at %s cannot be written to. Everything is kept on the container disk: stopping the pod loses it.' ;;
    ko/pod_volume_fault) format='%s 볼륨에 파일을 만들 수 없습니다: %s' ;;
    en/pod_volume_fault) format='No file can be made on the volume at %s: %s' ;;
    ko/pod_volume_fault_next) format='볼륨이 찼으면 터미널에서 파일을 지우거나 RunPod 콘솔에서 볼륨을 늘리고 다시 실행하세요.' ;;
    en/pod_volume_fault_next) format='If it is full, delete files there in a terminal or enlarge it at RunPod, then run this again.' ;;
    ko/stays_laptop) format='GPU와 Docker가 있지만, 지금까지 쓰던 데이터가 노트북 방식의 것이라 그대로 켭니다. 옮기려면 백업한 뒤 --way docker (docs/ko/guides/upgrade.md).' ;;
    en/stays_laptop) format='There are a GPU and Docker, but what is here was made the laptop way, so it stays. To move: back up, then --way docker (docs/guides/upgrade.md).' ;;
    ko/pod_stopping_first) format='데이터를 볼륨으로 옮기기 전에 켜져 있는 것을 끕니다.' ;;
    en/pod_stopping_first) format='what runs is stopped before its data move to the volume' ;;
    ko/pod_model) format='%s 모델은 여기서 %s(으)로 씁니다.' ;;
    en/pod_model) format='the model %s is %s here' ;;
    ko/pod_data_elsewhere) format='데이터 폴더는 %s입니다. 터미널의 다른 명령에는 DATA_DIR로 알려 주세요.' ;;
    en/pod_data_elsewhere) format='The data folder is %s; give it to other commands in a terminal as DATA_DIR.' ;;
    ko/pod_no_owners) format='%s 볼륨은 파일 소유자를 바꿀 수 없어 데이터베이스를 둘 수 없습니다. 대화와 문서는 컨테이너 디스크에 두므로 파드를 멈추면 사라지고, 모델은 볼륨에 남습니다. DATABASE_URL로 다른 데이터베이스를 쓰거나 백업하세요.' ;;
    en/pod_no_owners) format='The volume at %s does not know owners of files, so the database cannot be there. Conversations and documents are on the container disk and lost with a stop; the model stays on the volume. Use a database elsewhere (DATABASE_URL), or keep backups.' ;;
    ko/pod_move) format='%s의 내용을 볼륨(%s)으로 옮기지 못했습니다.' ;;
    en/pod_move) format='What is in %s could not be moved to the volume (%s).' ;;
    ko/pod_no_key) format='RUNPOD_API_KEY가 없어서 쓰지 않을 때 파드를 멈출 수 없습니다. 요금은 직접 멈출 때까지 나갑니다.' ;;
    en/pod_no_key) format='RUNPOD_API_KEY is missing, so an idle pod cannot be stopped: it costs money until you stop it yourself.' ;;
    ko/pod_environment_failed) format='%s에 설치하지 못했습니다. 화면은 켜져 있습니다. 이유를 해결하고 ./quick_start.sh 를 다시 실행하세요.' ;;
    en/pod_environment_failed) format='%s could not be installed. The page is up; when the reason is gone, run ./quick_start.sh again.' ;;

    ko/pod_no_sshd) format='SSH 서버를 켜지 못했습니다. 화면은 그대로 쓸 수 있습니다.' ;;
    en/pod_no_sshd) format='The SSH server could not be started; the page works without it.' ;;
    ko/pod_start_failed) format='켜지 못했습니다(%s). %s초 뒤에 다시 시도합니다.' ;;
    en/pod_start_failed) format='It did not start (%s); trying again in %s s.' ;;

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
    ko/bad_way) format='--way는 auto, laptop, pod, docker 가운데 하나입니다: %s' ;;
    en/bad_way) format='--way takes auto, laptop, pod or docker, not: %s' ;;
    ko/bad_port) format='--port는 1에서 65535 사이의 수입니다: %s' ;;
    en/bad_port) format='--port takes a number from 1 to 65535, not: %s' ;;

    ko/chromium) format='화면 테스트용 Chromium 설치' ;;
    en/chromium) format='installing Chromium for the browser tests' ;;
    ko/no_chromium) format='Chromium을 설치하지 못해 화면 테스트를 할 수 없습니다.' ;;
    en/no_chromium) format='Chromium could not be installed, so the browser tests cannot run.' ;;
    ko/no_chromium_next) format='설치한 뒤 경로를 알려 주세요: CHROMIUM=/경로/chromium ./run_tests.sh (기록: %s)' ;;
    en/no_chromium_next) format='Install it and name it: CHROMIUM=/path/to/chromium ./run_tests.sh (log: %s)' ;;

    ko/vllm_installing) format='테스트용 vLLM(CPU) 설치' ;;
    en/vllm_installing) format='installing vLLM for the CPU, for the tests' ;;
    ko/vllm_machine) format='테스트용 vLLM은 Linux x86_64에서만 설치됩니다(이 컴퓨터: %s).' ;;
    en/vllm_machine) format='The vLLM of the tests runs on Linux x86_64 only (this machine: %s).' ;;
    ko/vllm_machine_next) format='다른 곳에 켜 둔 vLLM을 쓰려면: ONDOL_VLLM_URL=http://주소:8000/v1 ./run_tests.sh --vllm' ;;
    en/vllm_machine_next) format='To use one that runs elsewhere: ONDOL_VLLM_URL=http://HOST:8000/v1 ./run_tests.sh --vllm' ;;

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
    ko/tunnel_key) format='LLM_API_KEY에는 파드의 vLLM 키를 적으세요. 파드의 Ondol 폴더에서: cat var/secrets/llm_key (키 없이 켠 vLLM이면 비워 둡니다)' ;;
    en/tunnel_key) format='LLM_API_KEY is the key of vLLM on the pod; in the folder of Ondol there: cat var/secrets/llm_key (empty for a vLLM that has none)' ;;
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
    ko/docker_building) format='컨테이너 이미지 만들기' ;;
    en/docker_building) format='building the images' ;;
    ko/docker_build_failed) format='이미지를 만들지 못했습니다: %s' ;;
    en/docker_build_failed) format='The images could not be built: %s' ;;
    ko/docker_build_failed_next) format='기록을 보세요: %s. 다시 실행하면 이어서 합니다.' ;;
    en/docker_build_failed_next) format='See the log: %s. Running this again goes on from here.' ;;
    ko/docker_no_engine) format='Docker 엔진이 대답하지 않습니다.' ;;
    en/docker_no_engine) format='No Docker engine answers.' ;;
    ko/docker_no_engine_next) format='켜고 다시 실행하세요: sudo systemctl start docker. 권한이 없다면: sudo usermod -aG docker 사용자이름, 그리고 다시 로그인.' ;;
    en/docker_no_engine_next) format='Start it and run this again: sudo systemctl start docker. Without the right to use it: sudo usermod -aG docker USER, then sign in again.' ;;
    ko/docker_no_compose) format='Docker Compose가 없습니다.' ;;
    en/docker_no_compose) format='Docker Compose is missing.' ;;
    ko/docker_old_compose) format='Docker Compose %s은(는) 오래되었습니다. %s 이상이 필요합니다.' ;;
    en/docker_old_compose) format='Docker Compose %s is too old; %s or newer is needed.' ;;
    ko/docker_compose_next) format='설치하고 다시 실행하세요: sudo apt-get install docker-compose-plugin' ;;
    en/docker_compose_next) format='Install it and run this again: sudo apt-get install docker-compose-plugin' ;;
    ko/docker_no_toolkit) format='NVIDIA Container Toolkit이 없어 컨테이너가 GPU를 쓸 수 없습니다.' ;;
    en/docker_no_toolkit) format='The NVIDIA Container Toolkit is missing: containers cannot use the GPU.' ;;
    ko/docker_no_toolkit_next) format='설치하고 다시 실행하세요: sudo apt-get install nvidia-container-toolkit && sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker' ;;
    en/docker_no_toolkit_next) format='Install it and run this again: sudo apt-get install nvidia-container-toolkit && sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker' ;;
    ko/docker_old_driver) format='NVIDIA 드라이버 %s은(는) 오래되었습니다. vLLM 이미지에는 %s 이상이 필요합니다.' ;;
    en/docker_old_driver) format='The NVIDIA driver %s is too old; the image of vLLM needs %s or newer.' ;;
    ko/docker_old_driver_next) format='드라이버를 올리거나, .env의 VLLM_IMAGE에 이 드라이버용 이미지를 적으세요(docs/docker.md).' ;;
    en/docker_old_driver_next) format='Update the driver, or name an image made for this one as VLLM_IMAGE in .env (docs/docker.md).' ;;
    ko/docker_lost_password) format='데이터베이스는 있는데 그 비밀번호(%s/db_password)가 없습니다.' ;;
    en/docker_lost_password) format='The database is there, and its password (%s/db_password) is not.' ;;
    ko/docker_lost_password_next) format='백업한 deploy/secrets 폴더를 되돌려 놓으세요. 없다면 docs/docker.md의 Secrets를 보세요.' ;;
    en/docker_lost_password_next) format='Put back the folder deploy/secrets from a backup. Without one see Secrets in docs/docker.md.' ;;
    ko/docker_no_model) format='모델 이름이 없습니다.' ;;
    en/docker_no_model) format='No model is named.' ;;
    ko/docker_no_model_next) format='.env의 LLM_MODEL_NAME에 그 서버의 모델 이름을 적으세요.' ;;
    en/docker_no_model_next) format='Name one that the engine has as LLM_MODEL_NAME in .env.' ;;
    ko/docker_bad_model) format='%s은(는) vLLM이 불러올 수 있는 모델 이름이 아닙니다.' ;;
    en/docker_bad_model) format='%s is no name of a model that vLLM can load.' ;;
    ko/docker_bad_model_next) format='Hugging Face의 이름으로 적으세요. 예: --model Qwen/Qwen2.5-Coder-7B-Instruct' ;;
    en/docker_bad_model_next) format='Give its name on the Hugging Face hub, such as --model Qwen/Qwen2.5-Coder-7B-Instruct' ;;
    ko/docker_no_gpu) format='컨테이너에서 GPU가 보이지 않습니다: %s' ;;
    en/docker_no_gpu) format='A container does not see the GPU: %s' ;;
    ko/docker_no_gpu_next) format='확인하세요: docker run --rm --gpus all ubuntu nvidia-smi. 모델을 직접 고르려면 .env에 VLLM_MODEL과 VLLM_MAX_MODEL_LEN을 적으세요.' ;;
    en/docker_no_gpu_next) format='Try docker run --rm --gpus all ubuntu nvidia-smi. To choose yourself set VLLM_MODEL and VLLM_MAX_MODEL_LEN in .env.' ;;
    ko/docker_chosen) format='이 GPU에 맞춰 골랐습니다(.env에서 바꿀 수 있습니다): %s' ;;
    en/docker_chosen) format='chosen for this GPU (change it in .env): %s' ;;
    ko/docker_page) format='화면이 열립니다: %s. 모델은 아직 준비하는 중입니다.' ;;
    en/docker_page) format='the page is there: %s; the model is still being made ready' ;;
    ko/docker_waiting) format='기다리는 중: %s · %s초' ;;
    en/docker_waiting) format='waiting for %s · %ss' ;;
    ko/docker_missing) format='없음' ;;
    en/docker_missing) format='not there' ;;
    ko/docker_not_ready) format='모두 켜지지는 않았습니다: %s' ;;
    en/docker_not_ready) format='Not everything came up: %s' ;;
    ko/docker_not_ready_next) format='./quick_start.sh --logs 서비스 로 이유를 보세요. 시작 기록: %s. 나머지는 켜져 있고, 다시 실행하면 이어서 합니다.' ;;
    en/docker_not_ready_next) format='See why with ./quick_start.sh --logs SERVICE. Log of the start: %s. The rest runs; running this again goes on.' ;;
    ko/docker_lowered) format='GPU 메모리가 모자라 vLLM이 켜지지 못했습니다. 낮추어 다시 켭니다(.env에 적었습니다): %s' ;;
    en/docker_lowered) format='vLLM ran out of GPU memory at its start; trying again with less (written to .env): %s' ;;
    ko/docker_no_memory) format='설정을 낮추어도 모델이 GPU 메모리에 들어가지 않습니다: %s' ;;
    en/docker_no_memory) format='The model does not fit into the GPU however far the settings are lowered: %s' ;;
    ko/docker_no_memory_next) format='더 작은 모델로 켜세요(--model Qwen/Qwen2.5-Coder-1.5B-Instruct). GPU를 쓰는 다른 프로그램이 있으면 끄고 다시 실행하세요. 화면은 켜져 있습니다.' ;;
    en/docker_no_memory_next) format='Start with a smaller model (--model Qwen/Qwen2.5-Coder-1.5B-Instruct), or end what else uses the GPU and run this again. The page stays up.' ;;
    ko/docker_vllm_ends) format='vLLM이 켜지다가 거듭 끝났습니다: %s' ;;
    en/docker_vllm_ends) format='vLLM ends at its start, again and again: %s' ;;
    ko/docker_vllm_ends_next) format='이유를 고치고 다시 실행하세요. 기록: %s. vLLM은 꺼 두었고 나머지는 켜져 있습니다.' ;;
    en/docker_vllm_ends_next) format='Mend the cause and run this again. Its log: %s. vLLM is stopped, the rest runs.' ;;
    ko/docker_ready) format='Ondol이 준비되었습니다: %s' ;;
    en/docker_ready) format='Ondol is ready: %s' ;;
    ko/docker_password) format='로그인   admin, 첫 비밀번호: docker compose exec app cat /data/secrets/admin_password (바꾸면 지워집니다)' ;;
    en/docker_password) format='sign in  admin, first password: docker compose exec app cat /data/secrets/admin_password (gone once changed)' ;;
    ko/docker_stop) format='끄기     ./quick_start.sh --stop      기록: ./quick_start.sh --logs' ;;
    en/docker_stop) format='stop     ./quick_start.sh --stop      logs: ./quick_start.sh --logs' ;;
    ko/docker_stopped) format='모두 껐습니다. 데이터는 Docker 볼륨에 남아 있습니다.' ;;
    en/docker_stopped) format='Everything is stopped. The data stay in their volumes.' ;;

    *) format="$key" ;;
  esac
  printf -- "$format" "$@"
}

usage() {
  if [ "$(ondol_language)" = ko ]; then
    cat <<'KO'
사용법: ./quick_start.sh [옵션]

Ondol을 켜고, 대답할 준비가 되면 주소를 알려 줍니다. 이미 켜져 있으면 주소만 알려 줍니다.

  --small          작은 모델(Qwen2.5-Coder 0.5B, 파드에서는 1.5B)로. 다음에 켤 때도 기억합니다
  --model 이름     다른 모델로(목록: .venv/bin/python -m backend.models list). 파드에서는 Hugging Face
                   이름으로(Qwen/Qwen2.5-Coder-7B-Instruct). 기억합니다
  --way 방식       laptop, pod(RunPod 파드), docker 가운데 하나로(기본 auto: 알아서). 기억합니다
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

  --small           the small model (Qwen2.5-Coder 0.5B, in a pod 1.5B); remembered for the next starts
  --model NAME      another model (list: .venv/bin/python -m backend.models list); in a pod its name on
                    Hugging Face (Qwen/Qwen2.5-Coder-7B-Instruct); remembered
  --way WAY         laptop, pod (a RunPod pod) or docker, instead of what is found (auto); remembered
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
