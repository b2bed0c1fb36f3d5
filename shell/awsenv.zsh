# awsenv for zsh 5.1 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# `awsenv init` prints the line for ~/.zshrc that loads this file, or what it contains.
# AWSENV_DISABLE_PROMPT=1 leaves the prompt alone; NO_COLOR=1 leaves it without colour.
# After `awsenv login` a role is renewed before it ends, at a prompt; AWSENV_AUTO_REFRESH=0 leaves that to you.

# The user may have an alias or a function of any name. So zsh reads this file again, without aliases and with its
# default options, which apply whenever these functions run; and not the rest of it now. `awsenv init` prints code that
# does the same. `builtin` passes over functions; what runs at each prompt needs no more than reserved words and
# assignments.
_awsenv_read='' 'builtin' 'emulate' 'zsh' '-o' 'no_aliases' '-o' 'no_force_float' '-c' \
  "${_awsenv_read-builtin source ${(q)${(%):-%x}}}"
'builtin' "${${_awsenv_read+:}:-return}" '0'

# The path of the program: `awsenv init` sets it, `awsenv exec` exports it, and an installed file finds it from its own
# path. Other programs do not need it.
if [[ -z ${_AWSENV_BIN-} ]]; then
  typeset -g _AWSENV_BIN=${${${(%):-%x}:a}%/share/awsenv/*}/bin/awsenv
  [[ -x $_AWSENV_BIN ]] || _AWSENV_BIN=${commands[awsenv]-}
fi
typeset -g +x _AWSENV_BIN

# The folder of this file, which `awsenv init` sets, for what is loaded later.
[[ -n ${_awsenv_folder-} ]] || typeset -g _awsenv_folder=${${(%):-%x}:a:h}

# Whether awsenv, called with these arguments, prints text to read rather than code to evaluate.
function _awsenv_prints {
  local _awsenv_word
  case ${1-} in
    approve | completion | console | credential-process | demo | doctor | each) builtin return 0 ;;
  exec | explain | help | init) builtin return 0 ;;
    list | lock | log | login | logout | profiles | setup | status | token) builtin return 0 ;;
  esac
  for _awsenv_word in "$@"; do
    case $_awsenv_word in
      --) builtin return 1 ;;
      -h | --help | --print | --shell | --shell=* | --version) builtin return 0 ;;
    esac
  done
  builtin return 1
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
  builtin set -- "$_AWSENV_BIN" "$@"
  for _awsenv_name in PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPYCACHEPREFIX PYTHONEXECUTABLE; do
    if _awsenv_misleads_python $_awsenv_name; then
      _awsenv_env=/usr/bin/env
      builtin set -- "_AWSENV_$_awsenv_name=${(P)_awsenv_name}" "$_awsenv_name=" "$@"
    fi
  done
  _awsenv_command=(${_awsenv_env:+"$_awsenv_env"} "$@")
}

function awsenv {
  # In eval "$(awsenv ...)" that eval gets the output; the program sends keys to no other pipe, and this function sends
  # none to a file. exec is never captured: it keeps its terminal and its jobs.
  if _awsenv_prints "$@" || [[ $ZSH_SUBSHELL -gt 0 && -p /dev/stdout ]]; then
    # The command, a login above all, may have removed the reason why the role was not renewed. The subshell of exec tells
    # tmux of its own role.
    _awsenv_tried= _awsenv_key= _awsenv_in_tmux=
    # The program cannot find out by itself that this hook is loaded, and what the prompt shows. A command of exec inherits
    # neither.
    if [[ ${1-} == doctor || ${1-} == init ]] || ! _awsenv_prints "$@"; then
      local -x AWSENV_SHELL=zsh _AWSENV_PROMPT=
      _awsenv_find_shown
    fi
    local -a _awsenv_command
    _awsenv_isolate "$@"
    "${_awsenv_command[@]}"
    builtin return
  fi
  # Where the prompt shows the role, the program need not.
  local -x _AWSENV_PROMPT=
  _awsenv_find_shown
  _awsenv_evaluate "$@"
}

# Evaluates what the program prints if it is a change of environment, and prints it otherwise.
function _awsenv_evaluate {
  builtin emulate -L zsh -o no_aliases
  # set -x, set -v and a DEBUG trap would show the keys. All are back when this function ends.
  builtin setopt no_xtrace no_verbose
  builtin trap - DEBUG
  local _awsenv_change
  local -a _awsenv_command
  # precmd_functions may have changed since the last prompt, and no longer call the hook.
  [[ ! -o interactive ]] || _awsenv_install
  _awsenv_isolate "$@"
  # If Ctrl-Z stopped a command in $(...), zsh would wait for its output for ever.
  _awsenv_change=$(AWSENV_SHELL=zsh /bin/sh -c 'trap "" TSTP; exec "$0" "$@"' "${_awsenv_command[@]}") &&
    case $_awsenv_change in
      '' | '('* | 'if '*) _awsenv_make && _awsenv_check ;;
      *) builtin print -r -- "$_awsenv_change" ;;
    esac
}

# In a function of its own: a variable that became local to it by mistake is lost before the check.
function _awsenv_make {
  builtin eval "$_awsenv_change"
}

# Whether the shell has what the change says.
function _awsenv_check {
  local _awsenv_name
  for _awsenv_name in AWSENV_LABEL AWSENV_EXPIRES_EPOCH; do
    if [[ $_awsenv_change == *"'export' '$_awsenv_name="* ]]; then
      [[ $_awsenv_change == *"'export' '$_awsenv_name=${(P)_awsenv_name-}'"* ]]
    else
      [[ $_awsenv_change != *"'unset' $_awsenv_name"[\ \;]* || -z ${(P)_awsenv_name-} ]]
    fi || {
      /bin/sh -c 'echo "$1" >&2' sh $'awsenv: this shell did not make the change\n  try      type -a builtin'
      builtin return 1
    }
  done
}

# Sets `_awsenv_text` to "[label time]", `_awsenv_color` to the name of its color, if any, `_awsenv_left` to the seconds
# left and `_awsenv_minute` to the whole minutes. They stay as they are from `_awsenv_since` until `_awsenv_until`.
function _awsenv_describe {
  # A label has none of these unless the user set it by hand: no escape sequence may reach the terminal.
  _awsenv_text=$AWSENV_LABEL _awsenv_color= _awsenv_left= _awsenv_since=0 _awsenv_until=99999999999 _awsenv_key=
  [[ $_awsenv_text != *[^A-Za-z0-9_.@+=,/-]* ]] || _awsenv_text=${_awsenv_text//[^A-Za-z0-9_.@+=,\/-]/}
  # Arithmetic evaluates what it is given, so it gets nothing but a plain number.
  if [[ ${AWSENV_EXPIRES_EPOCH-} == [1-9]<-> && ${#AWSENV_EXPIRES_EPOCH} -le 11 ]]; then
    _awsenv_since=${EPOCHSECONDS:-${(%)_awsenv_seconds}}
    _awsenv_left=$((AWSENV_EXPIRES_EPOCH - _awsenv_since))
    _awsenv_minute=$((_awsenv_left > 0 ? _awsenv_left / 60 : -1))
    if ((_awsenv_minute < 0)); then
      _awsenv_text+=' expired' _awsenv_since=$AWSENV_EXPIRES_EPOCH
    elif ((_awsenv_minute == 0)); then
      _awsenv_text+=" ${_awsenv_left}s" _awsenv_until=$_awsenv_since
    else
      _awsenv_until=$((AWSENV_EXPIRES_EPOCH - _awsenv_minute * 60))
      if ((_awsenv_minute < 60)); then
        _awsenv_text+=" ${_awsenv_minute}m"
      else
        _awsenv_text+=" $((_awsenv_minute / 60))h${(l:2::0:)$((_awsenv_minute % 60))}m"
      fi
    fi
    if ((_awsenv_minute < 5)); then
      _awsenv_color=red
    elif ((_awsenv_minute < 15)); then
      _awsenv_color=yellow
    fi
  fi
  # The color of the profile is on all the time, and gives way to nothing but the end of the role. PROMPT gets it as zsh
  # names it: a number, or #RRGGBB.
  if [[ -n ${AWSENV_COLOR-} && $_awsenv_text != *' expired' ]]; then
    case $AWSENV_COLOR in
      3[0-7]) _awsenv_color=${AWSENV_COLOR#3} ;;
      9[0-7]) _awsenv_color=$((${AWSENV_COLOR#9} + 8)) ;;
      38\;5\;<0-255>) _awsenv_color=${AWSENV_COLOR##*\;} ;;
      38\;2\;<0-255>\;<0-255>\;<0-255>)
        _awsenv_color='#'
        local _awsenv_part
        for _awsenv_part in ${(s.;.)AWSENV_COLOR#38;2;}; do
          _awsenv_color+=${(l:2::0:)$(([##16]_awsenv_part))}
        done
        ;;
    esac
  fi
  _awsenv_text="[$_awsenv_text]"
}

# Renews the role, and says nothing if that fails. It tries once in each of the last five minutes and once after the
# end. The new end counts as tried as well, so a wrong clock causes no second attempt.
typeset -g _awsenv_tried=
function _awsenv_renew {
  [[ $_awsenv_tried != "$AWSENV_EXPIRES_EPOCH $_awsenv_minute" ]] || builtin return 0
  # Set first: Ctrl-C leads to the next prompt and does not return here.
  _awsenv_tried="$AWSENV_EXPIRES_EPOCH $_awsenv_minute"
  # Text that is no change is not shown either. Ctrl-C ends this function but not the prompt.
  {
    _awsenv_evaluate renew </dev/null >/dev/null 2>&1 || builtin return 0
  } always {
    TRY_BLOCK_INTERRUPT=0
  }
  _awsenv_describe
  _awsenv_tried="${AWSENV_EXPIRES_EPOCH-} $_awsenv_minute"
}

# For themes: prints the text of the prompt, or nothing if no role is active.
function awsenv_prompt_info {
  if [[ -n ${AWSENV_LABEL-} ]]; then
    _awsenv_describe
    builtin print -r -- "$_awsenv_text"
  fi
}

# Sets `_AWSENV_PROMPT` of the caller to who draws the prompt: some frameworks show AWS_VAULT themselves.
function _awsenv_find_owner {
  if ((${+functions[prompt_starship_precmd]} || ${+functions[starship_precmd]})); then
    _AWSENV_PROMPT=starship
  elif ((${+functions[_omp_precmd]})); then
    _AWSENV_PROMPT=oh-my-posh
  elif ((${+functions[p10k]} || ${+functions[prompt_powerlevel9k_setup]})); then
    _AWSENV_PROMPT=powerlevel10k${POWERLEVEL9K_AWS_SHOW_ON_COMMAND:+-on-command}
    case " ${POWERLEVEL9K_LEFT_PROMPT_ELEMENTS[*]-} ${POWERLEVEL9K_RIGHT_PROMPT_ELEMENTS[*]-} " in
      *' awsenv '*) _AWSENV_PROMPT=powerlevel10k-segment ;;
    esac
  elif ((${+functions[spaceship]} || ${+functions[prompt_spaceship_setup]})); then
    _AWSENV_PROMPT=spaceship
    case " ${SPACESHIP_PROMPT_ORDER[*]-} ${SPACESHIP_RPROMPT_ORDER[*]-} " in
      *' awsenv '*) _AWSENV_PROMPT=spaceship-segment ;;
    esac
  elif ((${+functions[__lp_set_prompt]})) && [[ ${LP_ENABLE_AWS_PROFILE-} == 1 ]]; then
    _AWSENV_PROMPT=liquidprompt
  elif [[ -n ${AWSENV_DISABLE_PROMPT-} ]]; then
    _AWSENV_PROMPT=disabled
  elif [[ ${PROMPT-}${RPROMPT-} == *awsenv_prompt_info* ]]; then
    _AWSENV_PROMPT=theme
  elif [[ -z ${PROMPT-} ]]; then
    _AWSENV_PROMPT=empty
  elif [[ ! -o prompt_percent ]]; then
    _AWSENV_PROMPT=prompt_percent
  else
    _AWSENV_PROMPT=awsenv
  fi
}

# Sets `_AWSENV_PROMPT` of the caller, for the doctor: to who draws the prompt or, where that is this hook, to what the
# last prompt showed. The hook notes the number of the command that follows.
function _awsenv_find_shown {
  _awsenv_find_owner
  if [[ $_AWSENV_PROMPT != awsenv ]]; then
    builtin :
  elif [[ ${_awsenv_ran-} -lt $HISTCMD ]] || ((! ${precmd_functions[(Ie)_awsenv_prompt]-0})); then
    _AWSENV_PROMPT=stopped
  elif [[ $PROMPT != *'%(61V'* && ${(t)PROMPT} == *readonly* ]]; then
    _AWSENV_PROMPT=frozen
  elif [[ -z ${psvar[61]-} ]]; then
    _AWSENV_PROMPT=idle
  elif [[ $PROMPT != *'%(61V'* ]]; then
    _AWSENV_PROMPT=replaced
  fi
}

# Inserts the reference to the text into PROMPT, once. PROMPT is never saved or restored: other tools change it, too. It
# follows what PROMPT begins with and moves the cursor or erases: blank lines, \r, %{\e[G%}. Colors apply to the rest.
function _awsenv_insert {
  local _awsenv_lead= _awsenv_kept= _awsenv_style= _awsenv_part= _awsenv_rest=$PROMPT
  while
    case $_awsenv_rest in
      [$'\n\r']*) _awsenv_part=$_awsenv_rest[1] ;;
      %\{*%\}*) _awsenv_part=${_awsenv_rest%%\%\}*}%\} ;;
      $'\e['*)
        _awsenv_part=${_awsenv_rest#$'\e['}
        _awsenv_part=${_awsenv_part#${_awsenv_part%%[^0-9;?]*}}
        _awsenv_part=${_awsenv_rest[1,-$#_awsenv_part]}
        ;;
      %[BbUuSsfk]*) _awsenv_part=${_awsenv_rest[1,2]} ;;
      %[FK]\{*\}*) _awsenv_part=${_awsenv_rest%%\}*}\} ;;
      *) _awsenv_part= ;;
    esac
    # What is drawn elsewhere, before the cursor returns to where it was saved, follows the role.
    [[ -n $_awsenv_part && $_awsenv_part != *$'\e'(7|\[s)* ]]
  do
    _awsenv_rest=${_awsenv_rest[$#_awsenv_part + 1,-1]}
    if [[ $_awsenv_part == [$'\n\r'] || $_awsenv_part == *$'\r'* || ${_awsenv_part//[0-9;?]/} == *$'\e['[A-Zdf]* ]]; then
      _awsenv_lead+=$_awsenv_kept$_awsenv_part _awsenv_kept=
    else
      _awsenv_kept+=$_awsenv_part _awsenv_style+=$_awsenv_part
    fi
  done
  _awsenv_lead+="%(61V.%(63V.%B.)%(62V.%F{%62v}.)%61v%(62V.%f.)%(63V.%b.)%(64V."$'\n'". ).)"
  PROMPT=$_awsenv_lead$_awsenv_style$_awsenv_rest
}

# PROMPT shows elements of psvar: 61 is the text, 62 the color, 63 whether it is bold, 64 whether a line of its own.
# Unlike a parameter they are shown as they are, with PROMPT_SUBST and without.
function _awsenv_show {
  local _AWSENV_PROMPT _awsenv_bold= _awsenv_line=
  _awsenv_text= _awsenv_color= _awsenv_since=0 _awsenv_until=99999999999
  if [[ -n ${AWSENV_LABEL-} ]]; then
    _awsenv_describe
    [[ -z ${AWSENV_RENEW-} || ${_awsenv_left:-300} -ge 300 || ${AWSENV_AUTO_REFRESH-} == 0 ]] || _awsenv_renew
  fi
  _awsenv_find_owner
  case $_AWSENV_PROMPT in
    disabled | empty | prompt_percent) _awsenv_text= ;;
    awsenv) [[ -z ${AWSENV_DEMO-} ]] || _awsenv_text="(demo)${_awsenv_text:+ $_awsenv_text}" ;;
    # A framework shows the role, but not that it is of the demo. Its own line leaves the width of the others as it is.
    *) _awsenv_text=${AWSENV_DEMO:+(demo)} _awsenv_line=line ;;
  esac
  [[ -n $_awsenv_text && $_AWSENV_PROMPT == awsenv && -z ${NO_COLOR-} && ${TERM:-dumb} != dumb ]] || _awsenv_color=
  [[ -z $_awsenv_color || $_awsenv_text != *' expired]' ]] || _awsenv_bold=bold
  if [[ -n $_awsenv_text ]]; then
    if [[ ${precmd_functions[-1]-} != _awsenv_prompt ]]; then
      _awsenv_install
      # When powerlevel10k runs after the hook, it becomes the last one again; between two prompts the hook does.
      if [[ $_AWSENV_PROMPT == powerlevel10k* ]]; then
        typeset -ga preexec_functions
        preexec_functions=("${(@)preexec_functions:#_awsenv_install}" _awsenv_install)
      fi
    fi
    [[ ${PROMPT-} == *'%(61V'* || ${(t)PROMPT} == *readonly* ]] || _awsenv_insert
  fi
  if [[ ( -n $_awsenv_text || ${#psvar} -ge 61 ) && ${(t)psvar} != *readonly* ]]; then
    psvar[61,64]=("$_awsenv_text" "$_awsenv_color" "$_awsenv_bold" "$_awsenv_line")
  fi
}

# Tells tmux which role its pane has, when that changes: the label, the end, the color (prompts/tmux.conf). After a nested
# shell the pane has again the role that this shell has inherited.
typeset -g _awsenv_in_tmux='  '
typeset -ga _awsenv_inherited
_awsenv_inherited=("${AWSENV_LABEL-}" "${AWSENV_EXPIRES_EPOCH-}" "${AWSENV_COLOR-}")
function _awsenv_leave {
  _awsenv_set_tmux "${_awsenv_inherited[@]}"
}
function _awsenv_set_tmux {
  if [[ ${(t)zshexit_functions-} != *readonly* ]]; then
    typeset -ga zshexit_functions
    zshexit_functions=("${(@)zshexit_functions:#_awsenv_leave}" _awsenv_leave)
  fi
  _awsenv_in_tmux="$1 $2 $3"
  # A label has none of these unless the user set it by hand.
  [[ $1 != *[^A-Za-z0-9_.@+=,/-]* ]] || builtin set -- '' '' ''
  ${commands[tmux]:-false} set -pt $TMUX_PANE @awsenv_role "$1" \; set -pt $TMUX_PANE @awsenv_end "$2" \; \
    set -pt $TMUX_PANE @awsenv_color "$3" </dev/null >/dev/null 2>&1 || builtin :
}

typeset -g _awsenv_key= _awsenv_ran= _awsenv_since= _awsenv_until=
typeset -g _awsenv_text= _awsenv_color= _awsenv_left= _awsenv_minute=
function _awsenv_prompt {
  _awsenv_ran=$HISTCMD
  # compinit may run at any time, and forgets what was there before. The first Tab loads the completion.
  ((!${+_comps} || ${+_comps[awsenv]})) || _comps[awsenv]="builtin source ${(q)_awsenv_folder}/completions/_awsenv"
  # All that decides what the prompt shows, but for the time.
  local _awsenv_now=${EPOCHSECONDS:-${(%)_awsenv_seconds}} _awsenv_all="${AWSENV_LABEL-} ${AWSENV_EXPIRES_EPOCH-} \
    ${AWSENV_RENEW-} ${AWSENV_AUTO_REFRESH-} ${AWSENV_DEMO-} ${AWSENV_COLOR-} ${AWSENV_DISABLE_PROMPT-} ${NO_COLOR-} ${TERM-} \
    ${LP_ENABLE_AWS_PROFILE-} ${PROMPT:+set}"
  if [[ $_awsenv_key != "$_awsenv_all" || ${psvar[61]-} != "$_awsenv_text" || ! -o prompt_percent ]] ||
    [[ -n $_awsenv_text && ( ${PROMPT-} != *'%(61V'* || ${precmd_functions[-1]-} != _awsenv_prompt ) ]] ||
    ((_awsenv_now < _awsenv_since || _awsenv_now > _awsenv_until)); then
    _awsenv_show
    _awsenv_key=$_awsenv_all
  fi
  if [[ -n ${TMUX_PANE-} && $_awsenv_in_tmux != "${AWSENV_LABEL-} ${AWSENV_EXPIRES_EPOCH-} ${AWSENV_COLOR-}" ]]; then
    _awsenv_set_tmux "${AWSENV_LABEL-}" "${AWSENV_EXPIRES_EPOCH-}" "${AWSENV_COLOR-}"
  fi
}

# EPOCHSECONDS starts no process, and neither does the clock of the prompt, which serves where its module is missing.
builtin zmodload -F zsh/datetime p:EPOCHSECONDS 2>/dev/null || builtin :
typeset -g _awsenv_seconds='%D{%s}'

# Makes the hook the last of the functions that run before a prompt, because any of them may rebuild PROMPT.
function _awsenv_install {
  if [[ ${(t)precmd_functions-} != *readonly* ]]; then
    typeset -ga precmd_functions
    precmd_functions=("${(@)precmd_functions:#_awsenv_prompt}" _awsenv_prompt)
  fi
}
[[ ! -o interactive ]] || _awsenv_install

# Segments for prompt frameworks: `awsenv init` prints them, too. Here they are files beside this one.
if [[ ${(%):-%x} == */awsenv.zsh ]]; then
  builtin source ${${(%):-%x}:A:h}/prompts/powerlevel10k.zsh
  builtin source ${${(%):-%x}:A:h}/prompts/spaceship.zsh
fi
