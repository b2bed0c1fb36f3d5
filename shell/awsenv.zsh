# awsenv for zsh 5.1 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# In ~/.zshrc, best as the last line:  eval "$(awsenv init zsh)"
# AWSENV_DISABLE_PROMPT=1 leaves the prompt alone; NO_COLOR=1 leaves it without colour.
# After `awsenv login` a role is renewed before it ends, at a prompt; AWSENV_AUTO_REFRESH=0 leaves that to you.

# The path of the program: `awsenv init` sets it, `awsenv exec` hands it down. It is no business of other programs.
[[ -n ${_AWSENV_BIN-} ]] || typeset -g _AWSENV_BIN=${commands[awsenv]-}
typeset -g +x _AWSENV_BIN

# Whether these arguments make awsenv print for a person, rather than change the environment.
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

# Runs a command without PYTHONPATH, by which Python could load code from the current folder. The program restores it for
# the commands that it runs. `env` leaves alone what sh would drop, and a read-only variable.
function _awsenv_isolated {
  if [[ -n ${PYTHONPATH-} && ${(t)PYTHONPATH} == *export* ]]; then
    /usr/bin/env "_AWSENV_PYTHONPATH=$PYTHONPATH" PYTHONPATH= "$@"
  else
    "$@"
  fi
}

function awsenv {
  # The output of eval "$(awsenv ...)" belongs to that eval; no other pipe gets the keys from the program, and no file gets
  # them from here. An exec is never captured: it keeps its terminal and its jobs.
  if _awsenv_prints "$@" || [[ $ZSH_SUBSHELL -gt 0 && -p /dev/stdout ]]; then
    # What it does, a login above all, may be what a renewal has failed for want of.
    _awsenv_tried=
    # The doctor cannot see by itself that this is loaded.
    [[ ${1-} != doctor ]] || local -x AWSENV_SHELL=zsh
    _awsenv_isolated "$_AWSENV_BIN" "$@"
    return
  fi
  _awsenv_evaluate "$@"
}

# Changes this shell as the program says; a text that is no such change is one for a person.
function _awsenv_evaluate {
  emulate -L zsh
  # Neither set -x nor set -v may show the keys, nor a DEBUG trap, which is back when this function ends.
  setopt no_xtrace no_verbose
  trap - DEBUG
  local _awsenv_change
  # Of what Ctrl-Z stops in $(...) zsh would wait for the output, and be stuck.
  _awsenv_change=$(
    AWSENV_SHELL=zsh _awsenv_isolated /bin/sh -c 'trap "" TSTP; exec "$0" "$@"' "$_AWSENV_BIN" "$@"
  ) || return
  case $_awsenv_change in
    '' | 'if '* | 'export '* | 'unset '*) eval "$_awsenv_change" ;;
    *) print -r -- "$_awsenv_change" ;;
  esac
}

# Sets `text` to "[label time]" and `color` to its name, if any; all of `text color left` are the caller's, who has said
# `emulate -L zsh`.
function _awsenv_describe {
  # A label has none of these, unless somebody set it by hand: an escape sequence must not reach the terminal.
  text=$AWSENV_LABEL
  [[ $text != *[^A-Za-z0-9_.@+=,/-]* ]] || text=${text//[^A-Za-z0-9_.@+=,\/-]/}
  color=
  # Only a plain number gets into arithmetic, which evaluates what it is given.
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

# Renews the role, without a word if that fails. There is one attempt in each of its last five minutes and one when it
# has ended, the time that is `left` to what it has become included: a wrong clock does not make it two.
typeset -g _awsenv_tried=
function _awsenv_renew {
  local minute='left > 0 ? left / 60 : -1'
  [[ $_awsenv_tried != "$AWSENV_EXPIRES_EPOCH $((minute))" ]] || return 0
  # Beforehand: Ctrl-C leads to the next prompt, and not back here.
  _awsenv_tried="$AWSENV_EXPIRES_EPOCH $((minute))"
  # Nor is a text shown that is no change. Ctrl-C ends this, and not the prompt.
  {
    _awsenv_evaluate renew </dev/null >/dev/null 2>&1 || return 0
  } always {
    TRY_BLOCK_INTERRUPT=0
  }
  _awsenv_describe
  _awsenv_tried="${AWSENV_EXPIRES_EPOCH-} $((minute))"
}

# For themes: prints the text of the prompt, or nothing when no role is active.
function awsenv_prompt_info {
  emulate -L zsh
  local text color left
  if [[ -n ${AWSENV_LABEL-} ]]; then
    _awsenv_describe
    print -r -- "$text"
  fi
}

# Puts the reference to the text into PROMPT, once. PROMPT is never saved nor restored: other tools change it as well.
function _awsenv_insert {
  setopt local_options extended_glob
  # These show AWS_VAULT themselves.
  if [[ -z ${PROMPT-} ]] || ((${+functions[prompt_starship_precmd]} || ${+functions[starship_precmd]} ||
    ${+functions[_omp_precmd]} || ${+functions[p10k]} || ${+functions[prompt_powerlevel9k_setup]} ||
    ${+functions[spaceship]} || ${+functions[prompt_spaceship_setup]})); then
    return
  fi
  local blank=${(M)PROMPT##$'\n'#}
  PROMPT="$blank%(61V.%(63V.%B.)%(62V.%F{%62v}.)%61v%(62V.%f.)%(63V.%b.) .)${PROMPT#$blank}"
}

# What PROMPT shows stands in psvar: 61 is the text, 62 the colour, 63 that it is bold. Unlike a parameter it is shown as
# it is, with PROMPT_SUBST and without.
function _awsenv_prompt {
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

# EPOCHSECONDS costs no process; where its module is missing the prompt's own clock serves.
zmodload -F zsh/datetime p:EPOCHSECONDS 2>/dev/null || :
typeset -g _awsenv_seconds='%D{%s}'

function _awsenv_install {
  emulate -L zsh
  typeset -ga precmd_functions
  ((${precmd_functions[(Ie)_awsenv_prompt]})) || precmd_functions+=(_awsenv_prompt)
}
[[ ! -o interactive ]] || _awsenv_install
unfunction _awsenv_install
