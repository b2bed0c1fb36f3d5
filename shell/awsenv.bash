# awsenv for bash 3.2 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# In ~/.bashrc, best as the last line:  eval "$(awsenv init bash)"
# AWSENV_DISABLE_PROMPT=1 leaves the prompt alone; NO_COLOR=1 leaves it without colour.
# After `awsenv login` a role is renewed before it ends, at a prompt; AWSENV_AUTO_REFRESH=0 leaves that to you.
# shellcheck shell=bash
# shellcheck disable=SC2250,SC2292 # braces where a name needs them

# The path of the program: `awsenv init` sets it, `awsenv exec` exports it. Other programs do not need it.
[[ -n ${_AWSENV_BIN-} ]] || _AWSENV_BIN=$(type -P awsenv) || _AWSENV_BIN=
export -n _AWSENV_BIN

# Whether awsenv, called with these arguments, prints text to read rather than code to evaluate.
function _awsenv_prints {
  local word
  case ${1-} in
  '' | console | credential-process | demo | doctor | exec | explain | init) return 0 ;;
  list | lock | login | logout | setup | status) return 0 ;;
  *) ;;
  esac
  for word in "$@"; do
    case $word in
    --) return 1 ;;
    -h | --help | --print | --shell | --shell=* | --version) return 0 ;;
    *) ;;
    esac
  done
  return 1
}

# Whether other programs see the variable $1, and it can make Python load code from the current folder. An empty or a
# relative entry can; an entry of PYTHONPATH is of no use to the program in any case.
function _awsenv_misleads_python {
  [[ -n ${!1-} && ($1 == PYTHONPATH || :${!1}: == *:[!/]*) && $(declare -p "$1") == 'declare -'*x*" $1="* ]]
}

# Sets `_awsenv_command` of the caller to the command that calls the program without what misleads Python. The program
# restores that for the commands that it runs. `env` keeps exported functions, which sh would drop, and copes with a
# read-only variable.
function _awsenv_isolate {
  local _awsenv_name _awsenv_env=
  set -- "$_AWSENV_BIN" "$@"
  for _awsenv_name in PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPYCACHEPREFIX PYTHONEXECUTABLE; do
    if _awsenv_misleads_python "$_awsenv_name"; then
      _awsenv_env=/usr/bin/env
      set -- "_AWSENV_$_awsenv_name=${!_awsenv_name}" "$_awsenv_name=" "$@"
    fi
  done
  _awsenv_command=(${_awsenv_env:+"$_awsenv_env"} "$@")
}

function awsenv {
  # In eval "$(awsenv ...)" that eval gets the output; the program sends keys to no other pipe, and this function sends
  # none to a file. exec is never captured: bash hangs when Ctrl-Z stops a command inside $(...).
  if _awsenv_prints "$@" || [[ $BASH_SUBSHELL -gt 0 && -p /dev/stdout ]]; then
    # The command, a login above all, may have removed the reason why the role was not renewed.
    _awsenv_tried=
    # The program cannot find out by itself that this hook is loaded, and what the prompt shows. A command of exec inherits
    # neither.
    if [[ ${1-} == doctor ]] || ! _awsenv_prints "$@"; then
      local -x AWSENV_SHELL=bash _AWSENV_PROMPT=
      _awsenv_find_shown
    fi
    local -a _awsenv_command
    _awsenv_isolate "$@"
    "${_awsenv_command[@]}"
    return
  fi
  local _awsenv_status=0
  # set -x, set -v and a DEBUG trap, which functions inherit with functrace, would show the keys.
  _awsenv_flags=$-
  set +xvT
  # Where the prompt shows the role, the program need not.
  local -x _AWSENV_PROMPT=
  _awsenv_find_shown
  _awsenv_evaluate "$@" || _awsenv_status=$?
  _awsenv_set_clock
  _awsenv_restore
  return "$_awsenv_status"
}

# Restores the options in _awsenv_flags. After Ctrl-C, where bash leaves `awsenv` at once, the prompt calls this.
_awsenv_flags=
function _awsenv_restore {
  local flags=$_awsenv_flags
  _awsenv_flags=
  case $flags in *T*) set -T ;; *) ;; esac
  case $flags in *v*) set -v ;; *) ;; esac
  case $flags in *x*) set -x ;; *) ;; esac
}

# Evaluates what the program prints if it is a change of environment, and prints it otherwise.
function _awsenv_evaluate {
  local _awsenv_change
  local -a _awsenv_command
  _awsenv_isolate "$@"
  _awsenv_change=$(AWSENV_SHELL=bash "${_awsenv_command[@]}") || return
  case $_awsenv_change in
  '' | 'if '* | 'export '* | 'unset '*) eval "$_awsenv_change" ;;
  *) printf '%s\n' "$_awsenv_change" ;;
  esac
}

# The seconds since 1970 as an arithmetic expression that starts no process. Before bash 5 it is SECONDS, which counts
# wall-clock time, plus the time when SECONDS was zero. `awsenv` determines that anew: the user may have set SECONDS.
_awsenv_now=EPOCHSECONDS
function _awsenv_set_clock {
  if ((BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 2)); then
    printf -v _awsenv_zero '%(%s)T' -1
  elif ((BASH_VERSINFO[0] < 5)); then
    _awsenv_zero=$(date +%s)
  else
    return 0
  fi
  _awsenv_zero=$((_awsenv_zero - SECONDS))
  _awsenv_now='_awsenv_zero + SECONDS'
}
_awsenv_set_clock

# Sets `text` to "[label time]", `color` to its ANSI code, if any, and `left` to the seconds left: locals of the caller.
function _awsenv_describe {
  text=$AWSENV_LABEL
  color=
  # A label has none of these unless the user set it by hand: no escape sequence may reach the terminal.
  if [[ $text == *[!A-Za-z0-9_.@+=,/-]* ]]; then
    left='[!A-Za-z0-9_.@+=,/-]'
    text=${text//$left/}
  fi
  # Arithmetic evaluates what it is given, so it gets nothing but a plain number.
  case ${AWSENV_EXPIRES_EPOCH-} in
  '' | 0* | *[!0-9]* | ????????????*)
    text="[$text]" left=
    return
    ;;
  *) left=$((AWSENV_EXPIRES_EPOCH - _awsenv_now)) ;;
  esac
  if ((left >= 3600)); then
    printf -v text '[%s %dh%02dm]' "$text" "$((left / 3600))" "$((left % 3600 / 60))"
  elif ((left >= 900)); then
    text="[$text $((left / 60))m]"
  elif ((left >= 300)); then
    text="[$text $((left / 60))m]" color=33
  elif ((left >= 60)); then
    text="[$text $((left / 60))m]" color=31
  elif ((left > 0)); then
    text="[$text ${left}s]" color=31
  else
    text="[$text expired]" color='1;31'
  fi
}

# Renews the role, and says nothing if that fails. It tries once in each of the last five minutes and once after the
# end. The new end counts as tried as well, so a wrong clock causes no second attempt.
_awsenv_tried=
function _awsenv_renew {
  local minute='left > 0 ? left / 60 : -1'
  [[ $_awsenv_tried != "$AWSENV_EXPIRES_EPOCH $((minute))" ]] || return 0
  # Set first: Ctrl-C leads to the next prompt and does not return here.
  _awsenv_tried="$AWSENV_EXPIRES_EPOCH $((minute))"
  _awsenv_flags=${_awsenv_flags:-$-}
  set +xvT
  # Text that is no change is not shown either.
  _awsenv_evaluate renew </dev/null >/dev/null 2>&1 || return 0
  _awsenv_describe
  _awsenv_tried="${AWSENV_EXPIRES_EPOCH-} $((minute))"
}

# For themes: prints the text of the prompt, or nothing if no role is active.
function awsenv_prompt_info {
  local text color left
  if [[ -n ${AWSENV_LABEL-} ]]; then
    _awsenv_describe
    printf '%s\n' "$text"
  fi
}

# Sets `_AWSENV_PROMPT` of the caller to who draws the prompt: starship and oh-my-posh show AWS_VAULT themselves. Without
# promptvars bash would show the reference.
function _awsenv_find_owner {
  if declare -F starship_precmd >/dev/null; then
    _AWSENV_PROMPT=starship
  elif declare -F _omp_hook >/dev/null; then
    _AWSENV_PROMPT=oh-my-posh
  elif [[ -n ${AWSENV_DISABLE_PROMPT-} ]]; then
    _AWSENV_PROMPT=disabled
  elif [[ -z ${PS1-} ]] || ! shopt -q promptvars; then
    _AWSENV_PROMPT=none
  else
    _AWSENV_PROMPT=awsenv
  fi
}

# The number of a command, as prompts expand it: the hook notes it at each prompt, and the doctor, which is the next
# command, compares. Before 4.4 bash cannot expand it anywhere else.
_awsenv_number=
((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)) || _awsenv_number='\#'

# Sets `_AWSENV_PROMPT` of the caller, for the doctor: to who draws the prompt or, where that is this hook, to what the
# last prompt showed.
function _awsenv_find_shown {
  _awsenv_find_owner
  if [[ $_AWSENV_PROMPT != awsenv ]]; then
    :
  elif [[ -z $_awsenv_number ]]; then
    _AWSENV_PROMPT=unknown
  elif [[ $((${_awsenv_number@P} - 1)) != "${_awsenv_ran-}" ]]; then
    _AWSENV_PROMPT=stopped
  elif [[ $PS1 != *_awsenv_ps1* && $(declare -p PS1) == 'declare -'*r*' PS1='* ]]; then
    _AWSENV_PROMPT=frozen
  elif [[ -z $_awsenv_ps1 ]]; then
    _AWSENV_PROMPT=idle
  elif [[ $PS1 != *_awsenv_ps1* ]]; then
    _AWSENV_PROMPT=replaced
  fi
}

# Inserts the reference to the text into PS1, once. PS1 is never saved or restored: other tools change it, too.
function _awsenv_insert {
  local _AWSENV_PROMPT
  _awsenv_find_owner
  [[ $_AWSENV_PROMPT == awsenv ]] || return 0
  # Behind the blank lines that many prompts begin with.
  local rest=$PS1
  while [[ ${rest:0:2} == '\n' || ${rest:0:1} == $'\n' ]]; do
    rest=${rest#'\n'}
    rest=${rest#$'\n'}
  done
  # shellcheck disable=SC2016 # for the prompt to expand
  PS1=${PS1%"$rest"}'${_awsenv_ps1-}'$rest
}

_awsenv_ps1=
function _awsenv_prompt {
  local _awsenv_status=$? text color left
  # A trace is for what the user runs: this leaves 6 lines of each prompt instead of 30.
  [[ $- != *x* ]] || {
    _awsenv_flags=$-
    set +x
  }
  [[ -z $_awsenv_number ]] || _awsenv_ran=${_awsenv_number@P}
  if [[ -z ${AWSENV_LABEL-} ]]; then
    _awsenv_ps1=
    [[ -z $_awsenv_flags ]] || _awsenv_restore
    return "$_awsenv_status"
  fi
  _awsenv_describe
  [[ -z ${AWSENV_RENEW-} || ${left:-300} -ge 300 || ${AWSENV_AUTO_REFRESH-} == 0 ]] || _awsenv_renew
  [[ ${PS1-} == *_awsenv_ps1* || -n ${AWSENV_DISABLE_PROMPT-} ]] || _awsenv_insert
  if [[ -n ${AWSENV_DISABLE_PROMPT-} ]]; then
    _awsenv_ps1=
  elif [[ -z $color || -n ${NO_COLOR-} || ${TERM:-dumb} == dumb ]]; then
    _awsenv_ps1="$text "
  else
    # \001 and \002 mean what \[ and \] mean in a prompt: the text between has no width.
    _awsenv_ps1=$'\001\e['"${color}m"$'\002'"$text"$'\001\e[0m\002 '
  fi
  [[ -z $_awsenv_flags ]] || _awsenv_restore
  return "$_awsenv_status"
}

function _awsenv_install {
  local IFS=' ' attributes
  attributes=$(declare -p PROMPT_COMMAND 2>/dev/null) || attributes=
  attributes=${attributes#declare -}
  attributes=${attributes%%[ =]*}
  if [[ -n ${bash_preexec_imported-}${__bp_imported-} ]]; then
    [[ " ${precmd_functions[*]-} " == *' _awsenv_prompt '* ]] || precmd_functions+=(_awsenv_prompt)
  elif [[ -n ${BLE_VERSION-} ]] && declare -F blehook >/dev/null; then
    blehook PRECMD!=_awsenv_prompt
  elif [[ $attributes == *r* ]]; then
    : # read-only, as an administrator has decided
  elif [[ $attributes == *a* ]]; then
    [[ " ${PROMPT_COMMAND[*]-} " == *' _awsenv_prompt '* ]] || PROMPT_COMMAND+=(_awsenv_prompt)
  elif [[ ${PROMPT_COMMAND-} != *_awsenv_hook* ]]; then
    # A reference, so that a shell that inherits PROMPT_COMMAND without this file has nothing to run. A line of its own,
    # so that it does not matter how the previous one ends.
    # shellcheck disable=SC2016,SC2178,SC2128 # for PROMPT_COMMAND to expand; it is no array here
    PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}'${_awsenv_hook-}'
  fi
}

case $- in
*i*)
  # shellcheck disable=SC2034 # PROMPT_COMMAND refers to it
  _awsenv_hook=_awsenv_prompt
  _awsenv_install
  ;;
*) ;;
esac
unset -f _awsenv_install
