# awsenv for zsh 5.1 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# In ~/.zshrc, best as the last line:  eval "$(awsenv init zsh)"
# AWSENV_DISABLE_PROMPT=1 leaves the prompt alone; NO_COLOR=1 leaves it without colour.
# After `awsenv login` a role is renewed before it ends, at a prompt; AWSENV_AUTO_REFRESH=0 leaves that to you.

# The path of the program: `awsenv init` sets it, `awsenv exec` exports it. Other programs do not need it.
[[ -n ${_AWSENV_BIN-} ]] || typeset -g _AWSENV_BIN=${commands[awsenv]-}
typeset -g +x _AWSENV_BIN

# Whether awsenv, called with these arguments, prints text to read rather than code to evaluate.
function _awsenv_prints {
  emulate -L zsh
  local word
  case ${1-} in
    '' | console | credential-process | demo | doctor | exec | explain | init) return 0 ;;
    list | lock | login | logout | setup | status) return 0 ;;
  esac
  for word in "$@"; do
    case $word in
      --) return 1 ;;
      -h | --help | --print | --shell | --shell=* | --version) return 0 ;;
    esac
  done
  return 1
}

# Whether other programs see the variable $1, and it can make Python load code from the current folder. An empty or a
# relative entry can; an entry of PYTHONPATH is of no use to the program in any case.
function _awsenv_misleads_python {
  [[ -n ${(P)1-} && ${(Pt)1} == *export* ]] && [[ $1 == PYTHONPATH || :${(P)1}: == *:[^/]* ]]
}

# Sets `_awsenv_command` of the caller to the command that calls the program without what misleads Python. The program
# restores that for the commands that it runs. `env` keeps variables that sh would drop, and copes with a read-only one.
function _awsenv_isolate {
  local _awsenv_name _awsenv_env=
  set -- "$_AWSENV_BIN" "$@"
  for _awsenv_name in PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPYCACHEPREFIX PYTHONEXECUTABLE; do
    if _awsenv_misleads_python $_awsenv_name; then
      _awsenv_env=/usr/bin/env
      set -- "_AWSENV_$_awsenv_name=${(P)_awsenv_name}" "$_awsenv_name=" "$@"
    fi
  done
  _awsenv_command=(${_awsenv_env:+"$_awsenv_env"} "$@")
}

function awsenv {
  # In eval "$(awsenv ...)" that eval gets the output; the program sends keys to no other pipe, and this function sends
  # none to a file. exec is never captured: it keeps its terminal and its jobs.
  if _awsenv_prints "$@" || [[ $ZSH_SUBSHELL -gt 0 && -p /dev/stdout ]]; then
    # The command, a login above all, may have removed the reason why the role was not renewed.
    _awsenv_tried=
    # The program cannot find out by itself that this hook is loaded, and what the prompt shows. A command of exec inherits
    # neither.
    if [[ ${1-} == doctor ]] || ! _awsenv_prints "$@"; then
      local -x AWSENV_SHELL=zsh _AWSENV_PROMPT=
      _awsenv_find_shown
    fi
    local -a _awsenv_command
    _awsenv_isolate "$@"
    "${_awsenv_command[@]}"
    return
  fi
  # Where the prompt shows the role, the program need not.
  local -x _AWSENV_PROMPT=
  _awsenv_find_shown
  _awsenv_evaluate "$@"
}

# Evaluates what the program prints if it is a change of environment, and prints it otherwise.
function _awsenv_evaluate {
  emulate -L zsh
  # set -x, set -v and a DEBUG trap would show the keys. All are back when this function ends.
  setopt no_xtrace no_verbose
  trap - DEBUG
  local _awsenv_change
  local -a _awsenv_command
  _awsenv_isolate "$@"
  # If Ctrl-Z stopped a command in $(...), zsh would wait for its output for ever.
  _awsenv_change=$(AWSENV_SHELL=zsh /bin/sh -c 'trap "" TSTP; exec "$0" "$@"' "${_awsenv_command[@]}") || return
  case $_awsenv_change in
    '' | 'if '* | 'export '* | 'unset '*) eval "$_awsenv_change" ;;
    *) print -r -- "$_awsenv_change" ;;
  esac
}

# Sets `text` to "[label time]", `color` to the name of its color, if any, and `left` to the seconds left. They are
# locals of the caller, which has said `emulate -L zsh`.
function _awsenv_describe {
  # A label has none of these unless the user set it by hand: no escape sequence may reach the terminal.
  text=$AWSENV_LABEL
  [[ $text != *[^A-Za-z0-9_.@+=,/-]* ]] || text=${text//[^A-Za-z0-9_.@+=,\/-]/}
  color=
  # Arithmetic evaluates what it is given, so it gets nothing but a plain number.
  if [[ ${AWSENV_EXPIRES_EPOCH-} != [1-9]<-> || ${#AWSENV_EXPIRES_EPOCH} -gt 11 ]]; then
    text="[$text]" left=
    return
  fi
  left=$((AWSENV_EXPIRES_EPOCH - ${EPOCHSECONDS:-${(%)_awsenv_seconds}}))
  if ((left >= 3600)); then
    text="[$text $((left / 3600))h${(l:2::0:)$((left % 3600 / 60))}m]"
  elif ((left >= 900)); then
    text="[$text $((left / 60))m]"
  elif ((left >= 300)); then
    text="[$text $((left / 60))m]" color=yellow
  elif ((left >= 60)); then
    text="[$text $((left / 60))m]" color=red
  elif ((left > 0)); then
    text="[$text ${left}s]" color=red
  else
    text="[$text expired]" color=red
  fi
}

# Renews the role, and says nothing if that fails. It tries once in each of the last five minutes and once after the
# end. The new end counts as tried as well, so a wrong clock causes no second attempt.
typeset -g _awsenv_tried=
function _awsenv_renew {
  local minute='left > 0 ? left / 60 : -1'
  [[ $_awsenv_tried != "$AWSENV_EXPIRES_EPOCH $((minute))" ]] || return 0
  # Set first: Ctrl-C leads to the next prompt and does not return here.
  _awsenv_tried="$AWSENV_EXPIRES_EPOCH $((minute))"
  # Text that is no change is not shown either. Ctrl-C ends this function but not the prompt.
  {
    _awsenv_evaluate renew </dev/null >/dev/null 2>&1 || return 0
  } always {
    TRY_BLOCK_INTERRUPT=0
  }
  _awsenv_describe
  _awsenv_tried="${AWSENV_EXPIRES_EPOCH-} $((minute))"
}

# For themes: prints the text of the prompt, or nothing if no role is active.
function awsenv_prompt_info {
  emulate -L zsh
  local text color left
  if [[ -n ${AWSENV_LABEL-} ]]; then
    _awsenv_describe
    print -r -- "$text"
  fi
}

# Sets `_AWSENV_PROMPT` of the caller to who draws the prompt: the frameworks show AWS_VAULT themselves.
function _awsenv_find_owner {
  if ((${+functions[prompt_starship_precmd]} || ${+functions[starship_precmd]})); then
    _AWSENV_PROMPT=starship
  elif ((${+functions[_omp_precmd]})); then
    _AWSENV_PROMPT=oh-my-posh
  elif ((${+functions[p10k]} || ${+functions[prompt_powerlevel9k_setup]})); then
    _AWSENV_PROMPT=powerlevel10k${POWERLEVEL9K_AWS_SHOW_ON_COMMAND:+-on-command}
  elif ((${+functions[spaceship]} || ${+functions[prompt_spaceship_setup]})); then
    _AWSENV_PROMPT=spaceship
  elif [[ -n ${AWSENV_DISABLE_PROMPT-} ]]; then
    _AWSENV_PROMPT=disabled
  elif [[ -z ${PROMPT-} ]] || [[ ! -o prompt_percent ]]; then
    _AWSENV_PROMPT=none
  else
    _AWSENV_PROMPT=awsenv
  fi
}

# Sets `_AWSENV_PROMPT` of the caller, for the doctor: to who draws the prompt or, where that is this hook, to what the
# last prompt showed. The hook notes the number of the command that follows.
function _awsenv_find_shown {
  _awsenv_find_owner
  emulate -L zsh
  if [[ $_AWSENV_PROMPT != awsenv ]]; then
    :
  elif [[ ${_awsenv_ran-} != "$HISTCMD" ]] || ((! ${precmd_functions[(Ie)_awsenv_prompt]-0})); then
    _AWSENV_PROMPT=stopped
  elif [[ $PROMPT != *'%(61V'* && ${(t)PROMPT} == *readonly* ]]; then
    _AWSENV_PROMPT=frozen
  elif [[ -z ${psvar[61]-} ]]; then
    _AWSENV_PROMPT=idle
  elif [[ $PROMPT != *'%(61V'* ]]; then
    _AWSENV_PROMPT=replaced
  fi
}

# Inserts the reference to the text into PROMPT, once. PROMPT is never saved or restored: other tools change it, too.
function _awsenv_insert {
  setopt local_options extended_glob
  local _AWSENV_PROMPT
  _awsenv_find_owner
  [[ $_AWSENV_PROMPT == awsenv ]] || return 0
  local blank=${(M)PROMPT##$'\n'#}
  PROMPT="$blank%(61V.%(63V.%B.)%(62V.%F{%62v}.)%61v%(62V.%f.)%(63V.%b.) .)${PROMPT#$blank}"
}

# PROMPT shows elements of psvar: 61 is the text, 62 the color, 63 whether it is bold. Unlike a parameter they are shown
# as they are, with PROMPT_SUBST and without.
function _awsenv_prompt {
  typeset -g _awsenv_ran=$HISTCMD
  # Without this option zsh would show the reference.
  [[ -o prompt_percent ]] || local AWSENV_DISABLE_PROMPT=1
  emulate -L zsh
  local text= color= bold= left=
  if [[ -n ${AWSENV_LABEL-} ]]; then
    _awsenv_describe
    [[ -z ${AWSENV_RENEW-} || ${left:-300} -ge 300 || ${AWSENV_AUTO_REFRESH-} == 0 ]] || _awsenv_renew
    if [[ -n ${AWSENV_DISABLE_PROMPT-} ]]; then
      text= color=
    else
      [[ ${PROMPT-} == *'%(61V'* ]] || _awsenv_insert
      [[ -z ${NO_COLOR-} && ${TERM:-dumb} != dumb ]] || color=
    fi
  elif ((${#psvar} < 61)); then
    return 0
  fi
  [[ -z $color || $text != *' expired]' ]] || bold=bold
  psvar[61,63]=("$text" "$color" "$bold")
}

# EPOCHSECONDS starts no process, and neither does the clock of the prompt, which serves where its module is missing.
zmodload -F zsh/datetime p:EPOCHSECONDS 2>/dev/null || :
typeset -g _awsenv_seconds='%D{%s}'

function _awsenv_install {
  emulate -L zsh
  typeset -ga precmd_functions
  ((${precmd_functions[(Ie)_awsenv_prompt]})) || precmd_functions+=(_awsenv_prompt)
}
[[ ! -o interactive ]] || _awsenv_install
unfunction _awsenv_install
