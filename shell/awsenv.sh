# awsenv for the POSIX shells dash, busybox ash, mksh, ksh93 and yash: `awsenv ROLE` acts on this shell, and the prompt
# shows the role and its time left or, where the shell has no clock, when it ends.
# In the startup file of the shell, best as the last line:  eval "$(awsenv init sh)"
# AWSENV_DISABLE_PROMPT=1 leaves the prompt alone; NO_COLOR=1 leaves it without colour. Set them before that line.
# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034,SC2250 # the prompt expands what is quoted here; braces where a name needs them
# shellcheck disable=SC2288,SC3028 # '[' is no slip; which shell has a variable is looked up

# The user may have an alias of any name: a quoted word is none.

# The path of the program: `awsenv init` sets it, `awsenv exec` exports it. Other programs do not need it.
_awsenv_bin=${_AWSENV_BIN:-$('command' -v awsenv)} || _awsenv_bin=
'unset' _AWSENV_BIN
_AWSENV_BIN=$_awsenv_bin
'unset' _awsenv_bin

# Whether awsenv, called with these arguments, prints text to read rather than code to evaluate.
_awsenv_prints() {
  case ${1-} in
  approve | completion | console | credential-process | demo | doctor | each) 'return' 0 ;;
  exec | explain | help | init) 'return' 0 ;;
  list | lock | log | login | logout | profiles | setup | status | token) 'return' 0 ;;
  *) ;;
  esac
  while '[' "$#" -gt 0 ']'; do
    case $1 in
    --) 'return' 1 ;;
    -h | --help | --print | --shell | --shell=* | --version) 'return' 0 ;;
    *) ;;
    esac
    'shift'
  done
  'return' 1
}

# Becomes the program, without what makes Python load code from the current folder: an empty or a relative entry can; an
# entry of PYTHONPATH is of no use to the program in any case. The program restores it for the commands that it runs.
# Only another shell can tell which variables are exported.
_awsenv_execute() {
  case ${PYTHONPATH-}${PYTHONHOME-}${PYTHONUSERBASE-}${PYTHONPYCACHEPREFIX-}${PYTHONEXECUTABLE-} in
  '') ;;
  *)
    'set' -- /bin/sh -c '
      for _awsenv_name in PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPYCACHEPREFIX PYTHONEXECUTABLE; do
        eval "_awsenv_value=\${$_awsenv_name-}"
        case $_awsenv_name:$_awsenv_value in
        *:) ;;
        PYTHONPATH:* | *::* | *: | *:[!/]*) export "_AWSENV_$_awsenv_name=$_awsenv_value" "$_awsenv_name=" ;;
        esac
      done
      exec "$@"' sh "$@"
    ;;
  esac
  'exec' "$@"
}

# Tells the program what it cannot find out by itself: that this hook is loaded, and what the prompt shows. A command of
# exec inherits neither.
_awsenv_report() {
  if '[' "${1-}" = doctor ']' || '[' "${1-}" = init ']' || ! _awsenv_prints "$@"; then
    AWSENV_SHELL=$_awsenv_shell _AWSENV_PROMPT=
    _awsenv_find_prompt
    case $_awsenv_interactive:$_awsenv_ps1:${AWSENV_DISABLE_PROMPT-} in
    *'${_awsenv_end-}'*) _AWSENV_PROMPT=awsenv ;;
    i:?*:) _awsenv_may_set_prompt && _AWSENV_PROMPT=replaced || _AWSENV_PROMPT=frozen ;;
    i::) _AWSENV_PROMPT=empty ;;
    i:*) _AWSENV_PROMPT=disabled ;;
    *) ;;
    esac
    'export' AWSENV_SHELL _AWSENV_PROMPT
  fi
}

# Whether $(...) gets what is printed. ksh runs it without a process, and stdout remains what it was.
_awsenv_is_captured() {
  case $_awsenv_shell in
  ksh) 'eval' '[ "${.sh.subshell}" -gt 0 ] || [ -p /dev/stdout ]' ;;
  *) '[' -p /dev/stdout ']' ;;
  esac
}

_awsenv_run() {
  # In eval "$(awsenv ...)" that eval gets the output; the program sends keys to no other pipe, and this function sends
  # none to a file. exec is never captured: it keeps its terminal and its jobs.
  if _awsenv_prints "$@" || _awsenv_is_captured; then
    (_awsenv_report "$@" && _awsenv_execute "$_AWSENV_BIN" "$@")
    'return'
  fi
  # Something may have set the prompt since the hook was loaded.
  _awsenv_flags=$-
  { 'set' +xv; } 2>/dev/null
  _awsenv_install
  _awsenv_restore
  # set -x would show the keys if they were assigned, so they are the default value of a variable in an assignment that has
  # the status of the program. Ctrl-C ends the function here, and nothing has changed. If Ctrl-Z stopped the program, the
  # shell would wait for it for ever.
  'unset' _awsenv_change
  if _awsenv_rest=${_awsenv_units#"?${_awsenv_change:=$(
    { 'set' +xv; } 2>/dev/null
    'trap' '' TSTP
    _awsenv_report "$@" && _awsenv_execute "$_AWSENV_BIN" "$@"
  )}"}; then 'set' -- 0; else 'set' -- "$?"; fi
  { 'set' +xv; } 2>/dev/null
  'set' -- "$1" "$_awsenv_change"
  'unset' _awsenv_change
  case $1:$2 in
  0:'('*) 'eval' "$2" || 'set' -- "$?" ;;
  0:?*) 'command' 'printf' '%s\n' "$2" ;;
  *) ;;
  esac
  _awsenv_set_clock
  _awsenv_restore
  'return' "$1"
}

# Restores the options in _awsenv_flags.
_awsenv_restore() {
  case $_awsenv_flags in *v*) 'set' -v ;; *) ;; esac
  case $_awsenv_flags in *x*) 'set' -x ;; *) ;; esac
}

# In a subshell mksh does not say so.
case $- in *i*) _awsenv_interactive=i ;; *) _awsenv_interactive='' ;; esac

# Which shell this is. In ksh and mksh a variable says so; only ash has a clock among the others.
case ${KSH_VERSION-}:${YASH_VERSION-}:${EPOCHSECONDS-} in
*'MIRBSD KSH'*) _awsenv_shell=mksh ;;
*93*::*) _awsenv_shell=ksh ;;
:?*:*) _awsenv_shell=yash ;;
::?*) (_awsenv_shell=ash && 'eval' ': "${_awsenv_shell:1:1}" $((10#08))') 2>/dev/null && _awsenv_shell=ash ||
  _awsenv_shell="sh" ;;
*) _awsenv_shell="sh" ;;
esac

# In ksh, a function of this kind has neither the trace nor the trap on DEBUG, which would get the keys, too.
awsenv() { _awsenv_run "$@"; }
case $_awsenv_shell in
ksh) 'eval' 'function awsenv { _awsenv_run "$@"; }' ;;
*) ;;
esac

# What PS1 refers to: an empty text, patterns of what must reach neither the terminal nor arithmetic, which would evaluate
# it, and texts of which PS1 shows a part.
_awsenv_none='' _awsenv_unlabelled='*[!A-Za-z0-9_.@+=,/-]*' _awsenv_uncounted='*[!0-9]*' _awsenv_uncoloured='*[!0-9;]*'
_awsenv_words=' expired' _awsenv_units=hms _awsenv_codes=';1;31;33' _awsenv_mark=''

# Sets what depends on the time: what to add to SECONDS, or by how much local time is ahead of UTC when the role ends.
# `awsenv` does so anew: the user may have set SECONDS.
_awsenv_zone=''
_awsenv_set_clock() {
  case $_awsenv_shell in
  ksh) _awsenv_zero=$(($('command' 'printf' '%(%s)T' now) - ${SECONDS%[.,]*})) ;;
  sh | yash)
    _awsenv_zone=$('command' date -d "@${AWSENV_EXPIRES_EPOCH:-0}" +%z 2>/dev/null ||
      'command' date -r "${AWSENV_EXPIRES_EPOCH:-0}" +%z 2>/dev/null) || _awsenv_zone=
    case $_awsenv_zone in
    [+-][0-9][0-9][0-9][0-9])
      _awsenv_left=${_awsenv_zone#?}
      _awsenv_left=$(((1${_awsenv_left%??} - 100) * 3600 + (1${_awsenv_left#??} - 100) * 60))
      _awsenv_zone=$((${_awsenv_zone%????}1 * _awsenv_left))
      ;;
    *) _awsenv_zone= ;;
    esac
    ;;
  *) ;;
  esac
}

# Sets `_awsenv_time` to what shows the time left in PS1, `_awsenv_code` to what shows its colour, and `_awsenv_count` to
# what computes both and shows nothing.
_awsenv_refer_to_time() {
  _awsenv_count='' _awsenv_code='' _awsenv_time='${AWSENV_EXPIRES_EPOCH##$_awsenv_uncounted}'
  case $_awsenv_shell in
  mksh) _awsenv_now='${EPOCHREALTIME%.*}' ;;
  ksh) _awsenv_now='$_awsenv_zero - ${SECONDS%[.,]*}' ;;
  ash) _awsenv_now='$EPOCHSECONDS' ;;
  *)
    # A 1 in front keeps a leading 0 from making the number octal. 10,000,000,000 s are 22,400 s less than whole days.
    _awsenv_day='$(((1'$_awsenv_time' + $_awsenv_zone + 108800) % 86400'
    _awsenv_time='${_awsenv_zone:+ until '"$_awsenv_day / 36000))$_awsenv_day / 3600 % 10)):"
    _awsenv_time="$_awsenv_time$_awsenv_day % 3600 / 600))$_awsenv_day % 600 / 60))}"
    'return'
    ;;
  esac
  # mksh and ksh know 10#, and so does ash, which was tried.
  _awsenv_count='${_awsenv_none:0:$(((_awsenv_left = 10#0'"$_awsenv_time - $_awsenv_now) * 0"
  _awsenv_count="$_awsenv_count + (_awsenv_hours = _awsenv_left / 3600) * 0"
  _awsenv_count="$_awsenv_count + (_awsenv_minutes = _awsenv_left / 60 % 60 + (_awsenv_hours > 0 ? 100 : 0)) * 0))}"
  _awsenv_code='_awsenv_left <= 0 ? 0 : ${AWSENV_COLOR:+1}0 ? 8 : _awsenv_left < 300 ? 2 : _awsenv_left < 900 ? 5 : 8'
  _awsenv_code='${_awsenv_codes:$(('$_awsenv_code')):$((_awsenv_left > 0 ? 3 : 5))}'
  _awsenv_time='${_awsenv_words:0:$((_awsenv_left > 0 ? 1 : 8))}'
  _awsenv_time=$_awsenv_time'${_awsenv_hours:0:$((_awsenv_hours > 0 ? 9 : 0))}'
  _awsenv_time=$_awsenv_time'${_awsenv_units:0:$((_awsenv_hours > 0 ? 1 : 0))}'
  _awsenv_time=$_awsenv_time'${_awsenv_minutes:$((_awsenv_hours > 0 ? 1 : 0)):$((_awsenv_left < 60 ? 0 : 2))}'
  _awsenv_time=$_awsenv_time'${_awsenv_units:1:$((_awsenv_left < 60 ? 0 : 1))}'
  _awsenv_time=$_awsenv_time'${_awsenv_left:0:$((_awsenv_left > 0 && _awsenv_left < 60 ? 2 : 0))}'
  _awsenv_time=$_awsenv_time'${_awsenv_units:2:$((_awsenv_left > 0 && _awsenv_left < 60 ? 1 : 0))}'
}

# Sets `_awsenv_reference` to what PS1 contains: expansions alone, which leave $? as it is and start no process.
_awsenv_refer() {
  _awsenv_refer_to_time
  _awsenv_reference='[${AWSENV_LABEL##$_awsenv_unlabelled}${AWSENV_EXPIRES_EPOCH:+'$_awsenv_time'}]'
  _awsenv_info='${AWSENV_EXPIRES_EPOCH:+'$_awsenv_count'}'$_awsenv_reference
  # Codes have no width. mksh knows that only of a prompt that begins with a mark and \r.
  case ${NO_COLOR:+none}${TERM:-dumb}:$_awsenv_shell:$_awsenv_mark:$- in
  none* | dumb:* | *:mksh::* | *:sh:*[EV]*) _awsenv_open='' ;;
  *:ash:* | *:yash:*) _awsenv_open='\[\e[' _awsenv_close='m\]' ;;
  *) _awsenv_open=$_awsenv_mark$('command' 'printf' '\033[') _awsenv_close=m$_awsenv_mark ;;
  esac
  case $_awsenv_open in
  '') ;;
  *)
    _awsenv_code='${AWSENV_COLOR:+${AWSENV_COLOR##$_awsenv_uncoloured}}${AWSENV_EXPIRES_EPOCH:+'$_awsenv_code'}'
    _awsenv_reference=$_awsenv_open$_awsenv_code$_awsenv_close$_awsenv_reference${_awsenv_open}0$_awsenv_close
    ;;
  esac
  _awsenv_count='${AWSENV_EXPIRES_EPOCH:+'$_awsenv_count'}'
  _awsenv_reference='${_awsenv_none-}${AWSENV_DEMO:+(demo) }${AWSENV_LABEL:+'"$_awsenv_count$_awsenv_reference"' }'
  _awsenv_reference=$_awsenv_reference'${_awsenv_end-}'
}

# For prompts of the user's own: prints the text of the prompt, or nothing if no role is active.
awsenv_prompt_info() {
  case ${AWSENV_LABEL-} in
  '') ;;
  *)
    _awsenv_refer
    'eval' "'command' 'printf' '%s\\n' \"$_awsenv_info\""
    ;;
  esac
}

# Sets `_awsenv_ps1` to the prompt: yash prefers YASH_PS1.
_awsenv_find_prompt() {
  case $_awsenv_shell${YASH_PS1+:} in
  yash:) _awsenv_ps1=$YASH_PS1 ;;
  *) _awsenv_ps1=${PS1-} ;;
  esac
}

# Whether the prompt can be changed. An assignment to a read-only variable would end what is being read.
_awsenv_may_set_prompt() {
  # shellcheck disable=SC2030 # nothing else remains of it
  (PS1='' YASH_PS1='') 2>/dev/null
}

# A line feed, and in mksh a carriage return.
_awsenv_newline='
' _awsenv_return=''
'eval' "_awsenv_return=\$'\\r'"

# Inserts the reference into the prompt, once, behind the lines and the mark that it begins with. The prompt is never
# saved or restored: other tools change it, too. A shell may have inherited the reference of another shell.
_awsenv_install() {
  _awsenv_mark='' _awsenv_lead=''
  _awsenv_find_prompt
  case $_awsenv_interactive:${AWSENV_DISABLE_PROMPT:+disabled}:$_awsenv_ps1 in
  i::?*) ;;
  *) 'return' 0 ;;
  esac
  case $_awsenv_shell in
  mksh)
    _awsenv_rest=${_awsenv_ps1#??}
    case ${_awsenv_ps1%"$_awsenv_rest"} in
    ?"$_awsenv_return") _awsenv_mark=${_awsenv_ps1%"${_awsenv_ps1#?}"} ;;
    *) ;;
    esac
    ;;
  *) ;;
  esac
  _awsenv_refer
  case $_awsenv_ps1 in
  *"$_awsenv_reference"*) 'return' 0 ;;
  *'${_awsenv_none-}'*'${_awsenv_end-}'*)
    _awsenv_ps1=${_awsenv_ps1%%'${_awsenv_none-}'*}${_awsenv_ps1#*'${_awsenv_end-}'}
    ;;
  *) ;;
  esac
  while ':'; do
    case $_awsenv_ps1 in
    "${_awsenv_mark:-no}$_awsenv_return"* | '\n'* | '\r'*) _awsenv_rest=${_awsenv_ps1#??} ;;
    "$_awsenv_newline"*) _awsenv_rest=${_awsenv_ps1#?} ;;
    *) 'break' ;;
    esac
    _awsenv_lead=$_awsenv_lead${_awsenv_ps1%"$_awsenv_rest"}
    _awsenv_ps1=$_awsenv_rest
  done
  _awsenv_may_set_prompt || 'return' 0
  # shellcheck disable=SC2031 # it was not
  case $_awsenv_shell${YASH_PS1+:} in
  yash:) YASH_PS1=$_awsenv_lead$_awsenv_reference$_awsenv_ps1 ;;
  *) PS1=$_awsenv_lead$_awsenv_reference$_awsenv_ps1 ;;
  esac
}

_awsenv_set_clock
_awsenv_install
