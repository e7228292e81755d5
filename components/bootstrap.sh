# Puts the flightcheck command on PATH. The same text in every job; it holds no input.
flightcheck_version='@VERSION@'
flightcheck_project='@PROJECT@'
flightcheck_sha256_x64='@SHA256_X64@'
flightcheck_sha256_arm64='@SHA256_ARM64@'

flightcheck_fail() {
  printf 'flightcheck: %s\n' "$@" >&2
  exit 3
}

# flightcheck_fetch URL FILE TOKEN: the token leaves neither in a command line nor to a host that redirects elsewhere.
flightcheck_fetch() {
  if command -v curl >/dev/null 2>&1; then
    if [ -n "$3" ]; then printf 'user = "gitlab-ci-token:%s"\n' "$3"; fi |
      curl -fsSL --retry 3 --connect-timeout 20 -K - -o "$2" -- "$1"
  elif command -v python3 >/dev/null 2>&1; then
    FLIGHTCHECK_FETCH_TOKEN="$3" python3 -I -c '
import base64, os, shutil, sys, urllib.request
request = urllib.request.Request(sys.argv[1])
token = os.environ["FLIGHTCHECK_FETCH_TOKEN"]
if token:
    basic = base64.b64encode(("gitlab-ci-token:" + token).encode()).decode()
    request.add_unredirected_header("Authorization", "Basic " + basic)
try:
    with urllib.request.urlopen(request, timeout=60) as source, open(sys.argv[2], "wb") as target:
        shutil.copyfileobj(source, target)
except OSError as error:
    sys.exit(str(error))
' "$1" "$2"
  elif command -v Rscript >/dev/null 2>&1; then
    FLIGHTCHECK_FETCH_TOKEN="$3" Rscript --vanilla -e '
options(timeout = 600)
url <- commandArgs(TRUE)
token <- Sys.getenv("FLIGHTCHECK_FETCH_TOKEN")
headers <- if (nzchar(token)) c("JOB-TOKEN" = token)
quit(status = download.file(url[1], url[2], mode = "wb", quiet = TRUE, method = "libcurl", headers = headers))
' "$1" "$2"
  else
    flightcheck_fail 'this image has none of curl, python3 and Rscript to download the command with.' \
      'Add one of them to the image, or put flightcheck on its PATH and set the input cli to path.'
  fi
}

flightcheck_sha256() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif command -v python3 >/dev/null 2>&1; then
    python3 -I -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$1"
  else
    flightcheck_fail 'this image has neither sha256sum nor python3 to verify the command with.'
  fi
}

flightcheck_install() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) flightcheck_arch=x64 flightcheck_expected=$flightcheck_sha256_x64 ;;
    Linux-aarch64) flightcheck_arch=arm64 flightcheck_expected=$flightcheck_sha256_arm64 ;;
    *) flightcheck_fail "no archive is made for $(uname -s) on $(uname -m); Linux on x86_64 and aarch64 are." ;;
  esac
  [ -n "$flightcheck_expected" ] || flightcheck_fail \
    "version $flightcheck_version of this component carries no checksum for linux-$flightcheck_arch, so nothing is downloaded." \
    'Include a released version (for instance @1), or put flightcheck on the PATH of the image and set the input cli to path.'
  for flightcheck_loader in /lib/ld-musl-*; do
    [ ! -e "$flightcheck_loader" ] || flightcheck_fail 'this image is built on musl (Alpine); the archive needs glibc: take a Debian, Ubuntu or Red Hat image.'
  done
  flightcheck_name=flightcheck-$flightcheck_version-linux-$flightcheck_arch
  flightcheck_dir=${CI_PROJECT_DIR:-$PWD}/.flightcheck-cli
  flightcheck_file=$flightcheck_dir/archive/$flightcheck_name.tar.gz
  mkdir -p "$flightcheck_dir/archive"
  echo '*' >"$flightcheck_dir/.gitignore"
  # The cache can be written by other jobs, so what comes from it is verified like what is downloaded.
  if [ ! -f "$flightcheck_file" ] || [ "$(flightcheck_sha256 "$flightcheck_file")" != "$flightcheck_expected" ]; then
    if [ -n "${FLIGHTCHECK_CLI_URL:-}" ]; then
      flightcheck_url=${FLIGHTCHECK_CLI_URL%/}/$flightcheck_name.tar.gz flightcheck_token=
    else
      flightcheck_url=$CI_API_V4_URL/projects/$flightcheck_project/packages/generic/flightcheck/$flightcheck_version/$flightcheck_name.tar.gz
      flightcheck_token=${CI_JOB_TOKEN:-}
    fi
    rm -f "$flightcheck_file"
    flightcheck_fetch "$flightcheck_url" "$flightcheck_file.part" "$flightcheck_token" || flightcheck_fail \
      "the command could not be downloaded from $flightcheck_url" \
      'Is that address reachable from this runner, and may this project read the packages there (job token allow-list)?'
    flightcheck_found=$(flightcheck_sha256 "$flightcheck_file.part")
    if [ "$flightcheck_found" != "$flightcheck_expected" ]; then
      rm -f "$flightcheck_file.part"
      flightcheck_fail "the archive at $flightcheck_url has the SHA-256 $flightcheck_found," \
        "the released component expects $flightcheck_expected. Nothing of it was run." \
        'It was changed after the release, or something between altered it: tell whoever publishes the components.'
    fi
    mv "$flightcheck_file.part" "$flightcheck_file"
  fi
  rm -rf "${flightcheck_dir:?}/$flightcheck_name"
  tar -xzf "$flightcheck_file" -C "$flightcheck_dir"
  PATH=$flightcheck_dir/$flightcheck_name/bin:$PATH
  export PATH
}

if [ "${FLIGHTCHECK_CLI:-archive}" = path ]; then
  command -v flightcheck >/dev/null 2>&1 || flightcheck_fail \
    'the input cli is path, but there is no flightcheck on the PATH of this image.' \
    'Install it in the image, or leave cli at archive.'
else
  flightcheck_install
fi
