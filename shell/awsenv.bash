# awsenv for bash 3.2 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# In ~/.bashrc, best as the last line:  eval "$(awsenv init bash)"
# AWSENV_DISABLE_PROMPT=1 leaves the prompt alone; NO_COLOR=1 leaves it without colour.
# After `awsenv login` a role is renewed before it ends, at a prompt; AWSENV_AUTO_REFRESH=0 leaves that to you.
# shellcheck shell=bash
# shellcheck disable=SC2250,SC2292 # braces where a name needs them

# The path of the program: `awsenv init` sets it, `awsenv exec` hands it down. It is no business of other programs.
[[ -n ${_AWSENV_BIN-} ]] || _AWSENV_BIN=$(type -P awsenv) || _AWSENV_BIN=
export -n _AWSENV_BIN

# Whether these arguments make awsenv print for a person, rather than change the environment.
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

# Runs a command without PYTHONPATH, by which Python could load code from the current folder. The program restores it for
# the commands that it runs. `env` leaves alone what sh would drop (exported functions), and a read-only variable.
function _awsenv_isolated {
  if [[ -n ${PYTHONPATH-} && $(declare -p PYTHONPATH) == 'declare -'*x*' PYTHONPATH='* ]]; then
    /usr/bin/env "_AWSENV_PYTHONPATH=$PYTHONPATH" PYTHONPATH= "$@"
  else
    "$@"
  fi
}

function awsenv {
  # The output of eval "$(awsenv ...)" belongs to that eval; no other pipe gets the keys from the program, and no file gets
  # them from here. An exec is never captured: bash hangs when a command inside $(...) is stopped with Ctrl-Z.
  if _awsenv_prints "$@" || [[ $BASH_SUBSHELL -gt 0 && -p /dev/stdout ]]; then
    # What it does, a login above all, may be what a renewal has failed for want of.
    _awsenv_tried=
    # The doctor cannot see by itself that this is loaded.
    [[ ${1-} != doctor ]] || local -x AWSENV_SHELL=bash
    _awsenv_isolated "$_AWSENV_BIN" "$@"
    return
  fi
  local _awsenv_status=0
  # Neither set -x nor set -v may show the keys; nor a DEBUG trap, which with functrace every function inherits.
  _awsenv_flags=$-
  set +xvT
  _awsenv_evaluate "$@" || _awsenv_status=$?
  _awsenv_set_clock
  _awsenv_restore
  return "$_awsenv_status"
}

# Turns on again what is noted in _awsenv_flags. After Ctrl-C, when bash leaves `awsenv` for good, the prompt does it.
_awsenv_flags=
function _awsenv_restore {
  local flags=$_awsenv_flags
  _awsenv_flags=
  case $flags in *T*) set -T ;; *) ;; esac
  case $flags in *v*) set -v ;; *) ;; esac
  case $flags in *x*) set -x ;; *) ;; esac
}

# Changes this shell as the program says; a text that is no such change is one for a person.
function _awsenv_evaluate {
  local _awsenv_change
  _awsenv_change=$(AWSENV_SHELL=bash _awsenv_isolated "$_AWSENV_BIN" "$@") || return
  case $_awsenv_change in
  '' | 'if '* | 'export '* | 'unset '*) eval "$_awsenv_change" ;;
  *) printf '%s\n' "$_awsenv_change" ;;
  esac
}

# The time in seconds since 1970 without a process, as an expression of arithmetic. Before bash 5 it is made of SECONDS,
# which counts wall-clock time, and of the time when that was zero: asked for at the start of the shell, and again by
# `awsenv`, in case that a person has set SECONDS.
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

# Sets `text` to "[label time]" and `color` to its ANSI code, if any; all of `text color left` are the caller's.
function _awsenv_describe {
  text=$AWSENV_LABEL
  color=
  # A label has none of these, unless somebody set it by hand: an escape sequence must not reach the terminal.
  if [[ $text == *[!A-Za-z0-9_.@+=,/-]* ]]; then
    left='[!A-Za-z0-9_.@+=,/-]'
    text=${text//$left/}
  fi
  # Only a plain number gets into arithmetic, which evaluates what it is given.
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

# Renews the role, without a word if that fails. There is one attempt in each of its last five minutes and one when it
# has ended, the time that is `left` to what it has become included: a wrong clock does not make it two.
_awsenv_tried=
function _awsenv_renew {
  local minute='left > 0 ? left / 60 : -1'
  [[ $_awsenv_tried != "$AWSENV_EXPIRES_EPOCH $((minute))" ]] || return 0
  # Beforehand: Ctrl-C leads to the next prompt, and not back here.
  _awsenv_tried="$AWSENV_EXPIRES_EPOCH $((minute))"
  _awsenv_flags=${_awsenv_flags:-$-}
  set +xvT
  # Nor is a text shown that is no change.
  _awsenv_evaluate renew </dev/null >/dev/null 2>&1 || return 0
  _awsenv_describe
  _awsenv_tried="${AWSENV_EXPIRES_EPOCH-} $((minute))"
}

# For themes: prints the text of the prompt, or nothing when no role is active.
function awsenv_prompt_info {
  local text color left
  if [[ -n ${AWSENV_LABEL-} ]]; then
    _awsenv_describe
    printf '%s\n' "$text"
  fi
}

# Puts the reference to the text into PS1, once. PS1 is never saved nor restored: other tools change it as well.
function _awsenv_insert {
  # starship and oh-my-posh show AWS_VAULT themselves. Without promptvars bash would show the reference.
  if [[ -z ${PS1-} ]] || ! shopt -q promptvars ||
    declare -F starship_precmd >/dev/null || declare -F _omp_hook >/dev/null; then
    return
  fi
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
  # A trace is of what a person runs: 6 lines of it for each prompt, and not 30.
  [[ $- != *x* ]] || {
    _awsenv_flags=$-
    set +x
  }
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
    # \001 and \002 are what \[ and \] are for a prompt: around what has no width.
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
    : # read-only: an administrator wants it so
  elif [[ $attributes == *a* ]]; then
    [[ " ${PROMPT_COMMAND[*]-} " == *' _awsenv_prompt '* ]] || PROMPT_COMMAND+=(_awsenv_prompt)
  elif [[ ${PROMPT_COMMAND-} != *_awsenv_hook* ]]; then
    # By reference, so that a shell that inherits PROMPT_COMMAND without this file finds nothing there to run. On a
    # line of its own, so that it does not matter how the one before ends.
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
