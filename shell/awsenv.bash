# awsenv for bash 3.2 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# `awsenv init` prints the line for ~/.bashrc that loads this file, or what it contains.
# AWSENV_DISABLE_PROMPT=1 leaves the prompt alone; NO_COLOR=1 leaves it without colour.
# After `awsenv login` a role is renewed before it ends, at a prompt; AWSENV_AUTO_REFRESH=0 leaves that to you.
# shellcheck shell=bash
# shellcheck disable=SC2250,SC2292 # braces where a name needs them

# The user may have an alias or a function of any name. Aliases apply when bash reads a line: to none of the lines below.
# `builtin` passes over functions; what runs at each prompt needs no more than keywords and assignments.
\builtin shopt -q expand_aliases && _awsenv_aliases=on
\builtin shopt -u expand_aliases

# The path of the program: `awsenv init` sets it, `awsenv exec` exports it, and an installed file finds it from its own
# path. Other programs do not need it.
if [[ -z ${_AWSENV_BIN-} ]]; then
  _AWSENV_BIN=${BASH_SOURCE[0]%/share/awsenv/*}/bin/awsenv
  if [[ $_AWSENV_BIN != /* || ! -x $_AWSENV_BIN ]]; then
    # From bash 4 on, this starts no process.
    _AWSENV_BIN=
    ((BASH_VERSINFO[0] < 4)) || ! builtin hash awsenv 2>/dev/null || _AWSENV_BIN=${BASH_CMDS[awsenv]-}
    [[ -n $_AWSENV_BIN ]] || _AWSENV_BIN=$(builtin type -P awsenv) || _AWSENV_BIN=
  fi
fi
builtin export -n _AWSENV_BIN

# The folder of this file, which `awsenv init` sets, for what is loaded later.
[[ -n ${_awsenv_folder-} ]] || _awsenv_folder=${BASH_SOURCE[0]%/*}

# Whether awsenv, called with these arguments, prints text to read rather than code to evaluate.
function _awsenv_prints {
  builtin local _awsenv_word
  case ${1-} in
  approve | completion | console | credential-process | demo | doctor | each) builtin return 0 ;;
  exec | explain | help | init) builtin return 0 ;;
  list | lock | log | login | logout | profiles | setup | status | token) builtin return 0 ;;
  *) ;;
  esac
  for _awsenv_word in "$@"; do
    case $_awsenv_word in
    --) builtin return 1 ;;
    -h | --help | --print | --shell | --shell=* | --version) builtin return 0 ;;
    *) ;;
    esac
  done
  builtin return 1
}

# Whether other programs see the variable $1, and it can make Python load code from the current folder. An empty or a
# relative entry can; an entry of PYTHONPATH is of no use to the program in any case.
function _awsenv_misleads_python {
  [[ -n ${!1-} && ($1 == PYTHONPATH || :${!1}: == *:[!/]*) && $(builtin declare -p "$1") == 'declare -'*x*" $1="* ]]
}

# Sets `_awsenv_command` of the caller to the command that calls the program without what misleads Python. The program
# restores that for the commands that it runs. `env` keeps exported functions, which sh would drop, and copes with a
# read-only variable.
function _awsenv_isolate {
  builtin local _awsenv_name _awsenv_env
  _awsenv_env=''
  builtin set -- "$_AWSENV_BIN" "$@"
  for _awsenv_name in PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPYCACHEPREFIX PYTHONEXECUTABLE; do
    if _awsenv_misleads_python "$_awsenv_name"; then
      _awsenv_env=/usr/bin/env
      builtin set -- "_AWSENV_$_awsenv_name=${!_awsenv_name}" "$_awsenv_name=" "$@"
    fi
  done
  _awsenv_command=(${_awsenv_env:+"$_awsenv_env"} "$@")
}

function awsenv {
  builtin local _awsenv_status _awsenv_change
  _awsenv_status=0 _awsenv_change='' _awsenv_idle=()
  builtin local -a _awsenv_command
  # In eval "$(awsenv ...)" that eval gets the output; the program sends keys to no other pipe, and this function sends
  # none to a file. exec is never captured: bash hangs when Ctrl-Z stops a command inside $(...).
  if _awsenv_prints "$@" || [[ $BASH_SUBSHELL -gt 0 && -p /dev/stdout ]]; then
    # The command, a login above all, may have removed the reason why the role was not renewed. The subshell of exec tells
    # tmux of its own role.
    _awsenv_tried='' _awsenv_key='' _awsenv_in_tmux=''
    # The program cannot find out by itself that this hook is loaded, and what the prompt shows. A command of exec inherits
    # neither.
    if [[ ${1-} == doctor || ${1-} == init ]] || ! _awsenv_prints "$@"; then
      builtin local -x AWSENV_SHELL _AWSENV_PROMPT
      # shellcheck disable=SC2034 # the program reads it
      AWSENV_SHELL=bash _AWSENV_PROMPT=''
      _awsenv_find_shown
    fi
    _awsenv_isolate "$@"
    "${_awsenv_command[@]}"
    builtin return
  fi
  # set -x, set -v and a DEBUG trap, which functions inherit with functrace, would show the keys. With set -k, `export`
  # would not see what it is to export.
  _awsenv_flags=$-
  builtin set +xvTk
  # Where the prompt shows the role, the program need not.
  builtin local -x _AWSENV_PROMPT
  _AWSENV_PROMPT=''
  _awsenv_find_shown
  _awsenv_evaluate "$@" || _awsenv_status=$?
  _awsenv_change=
  _awsenv_set_clock
  # PROMPT_COMMAND may have changed since the last prompt, and no longer call the hook.
  [[ $- != *i* ]] || _awsenv_install
  _awsenv_restore
  builtin return "$_awsenv_status"
  # A function `builtin` leads here, and does nothing else either.
  # shellcheck disable=SC2317
  [[ $_awsenv_status == 0 ]]
}

# Restores the options in _awsenv_flags. After Ctrl-C, where bash leaves `awsenv` at once, the prompt calls this.
_awsenv_flags=
function _awsenv_restore {
  case $_awsenv_flags in *k*) builtin set -k ;; *) ;; esac
  case $_awsenv_flags in *T*) builtin set -T ;; *) ;; esac
  case $_awsenv_flags in *v*) builtin set -v ;; *) ;; esac
  case $_awsenv_flags in *x*) _awsenv_flags= && builtin set -x ;; *) _awsenv_flags= ;; esac
}

# Evaluates what the program prints if it is a change of environment, and prints it otherwise. `_awsenv_change` and
# `_awsenv_command` are locals of the caller.
function _awsenv_evaluate {
  _awsenv_isolate "$@"
  _awsenv_change=$(AWSENV_SHELL=bash "${_awsenv_command[@]}") && case $_awsenv_change in
  '' | '('* | 'if '*) _awsenv_make && _awsenv_check ;;
  *) builtin printf '%s\n' "$_awsenv_change" ;;
  esac
}

# In a function of its own: a variable that became local to it by mistake is lost before the check.
function _awsenv_make {
  builtin eval "$_awsenv_change"
}

# Whether the shell has what the change says.
function _awsenv_check {
  builtin local _awsenv_name
  for _awsenv_name in AWSENV_LABEL AWSENV_EXPIRES_EPOCH; do
    if [[ $_awsenv_change == *"'export' '$_awsenv_name="* ]]; then
      [[ $_awsenv_change == *"'export' '$_awsenv_name=${!_awsenv_name-}'"* ]]
    else
      [[ $_awsenv_change != *"'unset' $_awsenv_name"[\ \;]* || -z ${!_awsenv_name-} ]]
    fi || {
      /bin/sh -c 'echo "$1" >&2' sh $'awsenv: this shell did not make the change\n  try      type -a builtin'
      builtin return 1
    }
  done
}

# The seconds since 1970 as an arithmetic expression that starts no process. Before bash 5 it is SECONDS, which counts
# wall-clock time, plus the time when SECONDS was zero. `awsenv` determines that anew: the user may have set SECONDS.
_awsenv_now=EPOCHSECONDS
function _awsenv_set_clock {
  if ((BASH_VERSINFO[0] < 5)); then
    if ((BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 2)); then
      builtin printf -v _awsenv_zero '%(%s)T' -1
    else
      _awsenv_zero=$(builtin command date +%s)
    fi
    _awsenv_zero=$((_awsenv_zero - SECONDS))
    _awsenv_now='_awsenv_zero + SECONDS'
  fi
}
_awsenv_set_clock

# Sets `_awsenv_text` to "[label time]", `_awsenv_color` to its ANSI code, if any, `_awsenv_left` to the seconds left and
# `_awsenv_minute` to the whole minutes. They stay as they are from `_awsenv_since` until `_awsenv_until`.
function _awsenv_describe {
  _awsenv_text=$AWSENV_LABEL _awsenv_color='' _awsenv_left='' _awsenv_since=0 _awsenv_until=99999999999 _awsenv_key=''
  # A label has none of these unless the user set it by hand: no escape sequence may reach the terminal.
  if [[ $_awsenv_text == *[!A-Za-z0-9_.@+=,/-]* ]]; then
    _awsenv_left='[!A-Za-z0-9_.@+=,/-]'
    _awsenv_text=${_awsenv_text//$_awsenv_left/} _awsenv_left=
  fi
  # Arithmetic evaluates what it is given, so it gets nothing but a plain number.
  case ${AWSENV_EXPIRES_EPOCH-} in
  '' | 0* | *[!0-9]* | ????????????*) ;;
  *)
    _awsenv_left=$((AWSENV_EXPIRES_EPOCH - _awsenv_now))
    _awsenv_minute=$((_awsenv_left > 0 ? _awsenv_left / 60 : -1))
    _awsenv_since=$((AWSENV_EXPIRES_EPOCH - _awsenv_left))
    if ((_awsenv_minute < 0)); then
      _awsenv_text+=' expired' _awsenv_since=$AWSENV_EXPIRES_EPOCH
    elif ((_awsenv_minute == 0)); then
      _awsenv_text+=" ${_awsenv_left}s" _awsenv_until=$_awsenv_since
    else
      _awsenv_until=$((AWSENV_EXPIRES_EPOCH - _awsenv_minute * 60))
      if ((_awsenv_minute < 60)); then
        _awsenv_text+=" ${_awsenv_minute}m"
      else
        _awsenv_text+=" $((_awsenv_minute / 60))h$((_awsenv_minute % 60 / 10))$((_awsenv_minute % 10))m"
      fi
    fi
    if ((_awsenv_minute < 0)); then
      _awsenv_color='1;31'
    elif ((_awsenv_minute < 5)); then
      _awsenv_color=31
    elif ((_awsenv_minute < 15)); then
      _awsenv_color=33
    fi
    ;;
  esac
  # The color of the profile is on all the time, and gives way to nothing but the end of the role.
  case ${AWSENV_COLOR-} in
  '' | *[!0-9\;]* | ?????????????????*) ;;
  *) [[ $_awsenv_color == '1;31' ]] || _awsenv_color=$AWSENV_COLOR ;;
  esac
  _awsenv_text="[$_awsenv_text]"
}

# Renews the role, and says nothing if that fails. It tries once in each of the last five minutes and once after the
# end. The new end counts as tried as well, so a wrong clock causes no second attempt.
_awsenv_tried=
function _awsenv_renew {
  builtin local _awsenv_change
  _awsenv_change=''
  builtin local -a _awsenv_command
  [[ $_awsenv_tried != "$AWSENV_EXPIRES_EPOCH $_awsenv_minute" ]] || builtin return 0
  # Set first: Ctrl-C leads to the next prompt and does not return here.
  _awsenv_tried="$AWSENV_EXPIRES_EPOCH $_awsenv_minute"
  _awsenv_flags=${_awsenv_flags:-$-}
  builtin set +xvTk
  # Text that is no change is not shown either.
  _awsenv_evaluate renew </dev/null >/dev/null 2>&1 || builtin return 0
  _awsenv_describe
  _awsenv_tried="${AWSENV_EXPIRES_EPOCH-} $_awsenv_minute"
}

# For themes: prints the text of the prompt, or nothing if no role is active.
function awsenv_prompt_info {
  if [[ -n ${AWSENV_LABEL-} ]]; then
    _awsenv_describe
    builtin printf '%s\n' "$_awsenv_text"
  fi
}

# Sets `_AWSENV_PROMPT` of the caller to who draws the prompt: some frameworks show AWS_VAULT themselves. Without
# promptvars bash would show the reference.
function _awsenv_find_owner {
  if builtin declare -F starship_precmd >/dev/null; then
    _AWSENV_PROMPT=starship
  elif builtin declare -F _omp_hook >/dev/null; then
    _AWSENV_PROMPT=oh-my-posh
  elif [[ ${LP_ENABLE_AWS_PROFILE-} == 1 ]] && builtin declare -F __lp_set_prompt >/dev/null; then
    _AWSENV_PROMPT=liquidprompt
  elif [[ -n ${AWSENV_DISABLE_PROMPT-} ]]; then
    _AWSENV_PROMPT=disabled
  elif [[ ${PS1-} == *awsenv_prompt_info* ]]; then
    _AWSENV_PROMPT=theme
  elif [[ -z ${PS1-} ]]; then
    _AWSENV_PROMPT=empty
  elif ! builtin shopt -q promptvars; then
    _AWSENV_PROMPT=promptvars
  else
    _AWSENV_PROMPT=awsenv
  fi
}

# Sets `_AWSENV_PROMPT` of the caller, for the doctor: to who draws the prompt or, where that is this hook, to what the
# last prompt showed. The hook notes the number of the command that follows, which grows with the history alone. That is
# too small where the hook rests, and in bash 3.2, whose number before a prompt is 1.
function _awsenv_find_shown {
  _awsenv_find_owner
  if [[ $_AWSENV_PROMPT != awsenv ]]; then
    builtin :
  elif [[ -z ${_awsenv_ran-} || ($_awsenv_ran -lt ${HISTCMD-0} && ${PROMPT_COMMAND[*]-} != "$_awsenv_placed" &&
    ${PROMPT_COMMAND[*]-} != *"$_awsenv_line"*) ]]; then
    _AWSENV_PROMPT=stopped
  elif [[ $PS1 != *_awsenv_ps1* && $(builtin declare -p PS1) == 'declare -'*r*' PS1='* ]]; then
    _AWSENV_PROMPT=frozen
  elif [[ -z $_awsenv_ps1 ]]; then
    _AWSENV_PROMPT=idle
  elif [[ $PS1 != *_awsenv_ps1* ]]; then
    _AWSENV_PROMPT=replaced
  fi
}

# Inserts the reference to the text into PS1, once. PS1 is never saved or restored: other tools change it, too.
_awsenv_readonly=
function _awsenv_insert {
  builtin local _awsenv_lead _awsenv_rest
  _awsenv_lead='' _awsenv_rest="$PS1"
  _awsenv_split
  # An assignment to a read-only variable would end the function and show an error.
  # shellcheck disable=SC2016 # for the prompt to expand
  builtin printf -v PS1 '%s' "$_awsenv_lead"'${_awsenv_ps1-}'"$_awsenv_rest" 2>/dev/null || _awsenv_readonly=yes
}

# Moves what a prompt begins with from `_awsenv_rest` to `_awsenv_lead`, locals of the caller, up to the last part that
# moves the cursor or erases: blank lines, \r, \[\e[G\]. Colors apply to the rest, too.
function _awsenv_split {
  builtin local _awsenv_part _awsenv_kept _awsenv_style
  _awsenv_kept='' _awsenv_style=''
  while
    _awsenv_part=
    case $_awsenv_rest in
    '\n'* | '\r'*) _awsenv_part=${_awsenv_rest:0:2} ;;
    $'\n'* | $'\r'*) _awsenv_part=${_awsenv_rest:0:1} ;;
    '\['*'\]'*) _awsenv_part=${_awsenv_rest%%'\]'*}'\]' ;;
    '\e['* | '\033['* | $'\e['*)
      _awsenv_part=${_awsenv_rest#*'['}
      _awsenv_part=${_awsenv_part#"${_awsenv_part%%[!0-9;?]*}"}
      _awsenv_part=${_awsenv_rest%"${_awsenv_part:1}"}
      ;;
    *) ;;
    esac
    case $_awsenv_part in
    # What is drawn elsewhere, before the cursor returns to where it was saved, follows the role.
    '' | *'\e7'* | *'\0337'* | *$'\e7'* | *'[s'*) builtin false ;;
    *) ;;
    esac
  do
    _awsenv_rest=${_awsenv_rest#"$_awsenv_part"}
    case ${_awsenv_part//[0-9;?]/} in
    '\n' | $'\n' | *'\r'* | *$'\r'* | *'['[A-Zdf]*) _awsenv_lead+=$_awsenv_kept$_awsenv_part _awsenv_kept= ;;
    *) _awsenv_kept+=$_awsenv_part _awsenv_style+=$_awsenv_part ;;
    esac
  done
  _awsenv_rest=$_awsenv_style$_awsenv_rest
}

# Sets `_awsenv_ps1` to what the prompt shows, and inserts the reference to it.
_awsenv_ps1=
function _awsenv_show {
  builtin local _AWSENV_PROMPT
  _awsenv_text='' _awsenv_color='' _awsenv_ps1='' _awsenv_since=0 _awsenv_until=99999999999
  [[ -n ${AWSENV_LABEL-}${AWSENV_DEMO-} ]] || builtin return 0
  if [[ -n ${AWSENV_LABEL-} ]]; then
    _awsenv_describe
    [[ -z ${AWSENV_RENEW-} || ${_awsenv_left:-300} -ge 300 || ${AWSENV_AUTO_REFRESH-} == 0 ]] || _awsenv_renew
  fi
  [[ -z ${AWSENV_DEMO-} ]] || _awsenv_text="(demo)${_awsenv_text:+ $_awsenv_text}"
  _awsenv_find_owner
  case $_AWSENV_PROMPT in
  disabled | empty | promptvars) ;;
  awsenv)
    if [[ -z $_awsenv_color || -n ${NO_COLOR-} || ${TERM:-dumb} == dumb ]]; then
      _awsenv_ps1="$_awsenv_text "
    else
      # \001 and \002 mean what \[ and \] mean in a prompt: the text between has no width.
      _awsenv_ps1=$'\001\e['"${_awsenv_color}m"$'\002'"$_awsenv_text"$'\001\e[0m\002 '
    fi
    ;;
  # A framework shows the role, but not that it is of the demo. Its own line leaves the width of the others as it is.
  *) _awsenv_ps1=${AWSENV_DEMO:+'(demo)'$'\n'} ;;
  esac
  [[ -z $_awsenv_ps1 || ${PS1-} == *_awsenv_ps1* || -n $_awsenv_readonly ]] || _awsenv_insert
}

# Tells tmux which role its pane has, when that changes: the label, the end, the color (prompts/tmux.conf). After a nested
# shell the pane has again the role that this shell has inherited.
_awsenv_in_tmux='  '
_awsenv_inherited=("${AWSENV_LABEL-}" "${AWSENV_EXPIRES_EPOCH-}" "${AWSENV_COLOR-}")
function _awsenv_set_tmux {
  [[ -n $(builtin trap -p EXIT || builtin :) ]] || builtin trap '_awsenv_set_tmux "${_awsenv_inherited[@]}"' EXIT
  _awsenv_in_tmux="$1 $2 $3"
  # A label has none of these unless the user set it by hand.
  [[ $1 != *[!A-Za-z0-9_.@+=,/-]* ]] || builtin set -- '' '' ''
  builtin command tmux set -pt "$TMUX_PANE" @awsenv_role "$1" \; set -pt "$TMUX_PANE" @awsenv_end "$2" \; \
    set -pt "$TMUX_PANE" @awsenv_color "$3" </dev/null >/dev/null 2>&1 || builtin :
}

# Bash copies a function whenever it calls it, so what every prompt calls is short.
_awsenv_key=
function _awsenv_prompt {
  # A trace is for what the user runs: this leaves 6 lines of each prompt.
  [[ $- != *x* ]] || {
    _awsenv_flags=$-
    builtin set +x
  }
  _awsenv_ran=${HISTCMD-0}
  # All that decides what the prompt shows, but for the time.
  _awsenv_all="${AWSENV_LABEL-} ${AWSENV_EXPIRES_EPOCH-} ${AWSENV_DEMO-} ${AWSENV_COLOR-} ${AWSENV_DISABLE_PROMPT-} \
    ${AWSENV_AUTO_REFRESH-} ${NO_COLOR-} ${TERM-} ${PS1-} ${PROMPT_COMMAND[*]-}"
  if [[ $_awsenv_key != "$_awsenv_all" ]] || ((_awsenv_now < _awsenv_since || _awsenv_now > _awsenv_until)); then
    _awsenv_update
  fi
  # The status is 0: another one would make a trap on ERR fire twice.
  [[ -z $_awsenv_flags ]] || _awsenv_restore
}

function _awsenv_update {
  # It runs last: another command may rebuild PS1, or look at $?, which bash restores after PROMPT_COMMAND.
  [[ ${PROMPT_COMMAND[*]-} == "$_awsenv_placed" ]] || _awsenv_install
  _awsenv_idle=()
  [[ -n ${AWSENV_LABEL-}${AWSENV_DEMO-} || -z ${PROMPT_COMMAND+set} ]] || _awsenv_idle["${#PROMPT_COMMAND}0"]=
  _awsenv_show
  # What has changed the prompt just now may do so before each prompt.
  _awsenv_key=
  [[ $_awsenv_all != *"${PS1-} ${PROMPT_COMMAND[*]-}" ]] || _awsenv_key=$_awsenv_all
  [[ -z ${TMUX_PANE-} || $_awsenv_in_tmux == "${AWSENV_LABEL-} ${AWSENV_EXPIRES_EPOCH-} ${AWSENV_COLOR-}" ]] ||
    _awsenv_set_tmux "${AWSENV_LABEL-}" "${AWSENV_EXPIRES_EPOCH-}" "${AWSENV_COLOR-}"
}

# What PROMPT_COMMAND contains: a reference, so that a shell that inherits PROMPT_COMMAND without this file has nothing to
# run; in quotes, whatever IFS is. `_awsenv_idle` has an element where the call has nothing to do: its index is the length
# of PROMPT_COMMAND and a 0, after a 1 for a role and a 1 for an element behind the hook's. What is added behind the hook
# would not see $?. An array may have no first element, whose length nounset refuses.
_awsenv_idle=() _awsenv_placed=''
# shellcheck disable=SC2016 # for PROMPT_COMMAND to expand
_awsenv_line='"${AWSENV_LABEL:+1}${PROMPT_COMMAND[_awsenv_next]+1}${PROMPT_COMMAND+${#PROMPT_COMMAND}}0"'
# shellcheck disable=SC2016
_awsenv_line='${_awsenv_placed:+${_awsenv_idle['$_awsenv_line']-"_awsenv_prompt"}}'

# Makes the hook the last command in PROMPT_COMMAND, which may be an array since bash 5.1.
function _awsenv_install {
  builtin local _awsenv_attributes _awsenv_commands _awsenv_item
  _awsenv_attributes='' _awsenv_item=''
  if [[ -n ${BLE_VERSION-} ]] && builtin declare -F blehook >/dev/null; then
    blehook PRECMD!=_awsenv_prompt
  else
    if [[ -n ${PROMPT_COMMAND[*]+set} ]] && ((BASH_VERSINFO[0] > 5 || BASH_VERSINFO[0] == 5 && BASH_VERSINFO[1] > 0)); then
      _awsenv_attributes=${PROMPT_COMMAND[*]@a}
    fi
    case $_awsenv_attributes in
    *r*) ;; # as an administrator has decided
    *a*)
      _awsenv_commands=()
      for _awsenv_item in "${PROMPT_COMMAND[@]}"; do
        _awsenv_remove
        [[ -z $_awsenv_item ]] || _awsenv_commands+=("$_awsenv_item")
      done
      # What has to run after the hook is in the last element.
      [[ ${_awsenv_commands[*]: -1} == *__bp_* ]] || _awsenv_commands+=('')
      _awsenv_item=${_awsenv_commands[*]: -1}
      _awsenv_append
      _awsenv_commands[${#_awsenv_commands[@]} - 1]=$_awsenv_item
      PROMPT_COMMAND=("${_awsenv_commands[@]}")
      ;;
    *)
      _awsenv_item=${PROMPT_COMMAND-}
      _awsenv_remove
      _awsenv_append
      # An assignment to a read-only variable would end the function and show an error.
      builtin printf -v PROMPT_COMMAND '%s' "$_awsenv_item" 2>/dev/null || [[ -n $_awsenv_line ]]
      ;;
    esac
  fi
  _awsenv_placed=${PROMPT_COMMAND[*]-}
  # Bash counts a variable that is no array only without nounset.
  _awsenv_next=1
  [[ $_awsenv_attributes != *a* ]] || _awsenv_next=${#PROMPT_COMMAND[*]}
}

# Removes the hook from the commands in `_awsenv_item` of the caller, unless something depends on it there: `hook && x`.
function _awsenv_remove {
  builtin local _awsenv_newline
  _awsenv_newline=$'\n'
  _awsenv_item=$_awsenv_newline$_awsenv_item$_awsenv_newline
  _awsenv_item=${_awsenv_item//"$_awsenv_newline$_awsenv_line$_awsenv_newline"/$_awsenv_newline}
  _awsenv_item=${_awsenv_item//"$_awsenv_line; "/}
  _awsenv_item=${_awsenv_item//"$_awsenv_line;"/}
  _awsenv_item=${_awsenv_item#"$_awsenv_newline"}
  _awsenv_item=${_awsenv_item%"$_awsenv_newline"}
}

# Adds the hook to the commands in `_awsenv_item` of the caller: on a line of its own, so that it does not matter how the
# previous one ends, and before what bash-preexec needs to be last.
function _awsenv_append {
  builtin local _awsenv_before _awsenv_after _awsenv_mark
  _awsenv_after=''
  for _awsenv_mark in __bp_install __bp_trap_string= __bp_interactive_mode; do
    [[ $_awsenv_item != *"$_awsenv_mark"* ]] || _awsenv_after=$_awsenv_mark${_awsenv_item##*"$_awsenv_mark"}
  done
  # Where bash-preexec is about to install itself, it runs its own functions once more, after the hook.
  if [[ $_awsenv_after == *__bp_install* && " ${precmd_functions[*]-} " != *' _awsenv_prompt '* ]]; then
    precmd_functions+=(_awsenv_prompt)
  fi
  _awsenv_before=${_awsenv_item%"$_awsenv_after"}
  _awsenv_before=${_awsenv_before%$'\n'}
  _awsenv_item=${_awsenv_before:+$_awsenv_before$'\n'}$_awsenv_line${_awsenv_after:+$'\n'$_awsenv_after}
}

# At the first Tab.
function _awsenv_load {
  [[ ! -r $_awsenv_folder/completions/awsenv.bash ]] || {
    builtin . "$_awsenv_folder/completions/awsenv.bash"
    _awsenv_complete "$@"
  }
}

case $- in
*i*)
  _awsenv_install
  builtin complete -F _awsenv_load awsenv
  ;;
*) ;;
esac

[[ -z ${_awsenv_aliases-} ]] || builtin shopt -s expand_aliases
\builtin unset _awsenv_aliases
