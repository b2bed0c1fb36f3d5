# awsenv for tcsh 6.21 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# In ~/.tcshrc, best as the last line:  eval "`awsenv init tcsh`"
# AWSENV_DISABLE_PROMPT=1 leaves the prompt alone; NO_COLOR=1 leaves it without colour. Set NO_COLOR before that line.

# set echo and set verbose would show the keys, and what runs at each prompt.
if ($?echo || $?verbose) then
  set _awsenv_traces = ($?echo $?verbose)
  unset echo verbose
endif

switch ("$argv[1]")
case prompt:
  # The clock is when the terminal was last read from: when the user pressed Enter. Linux rounds that down to 8 s.
  set _awsenv_code = '' _awsenv_time = ''
  if ($?AWSENV_EXPIRES_EPOCH && $?tty) then
    # An expression would run a command in it.
    if ("$AWSENV_EXPIRES_EPOCH" =~ [1-9]* && "$AWSENV_EXPIRES_EPOCH" !~ *[^0-9]* && "$tty" != '') then
      @ _awsenv_left = $AWSENV_EXPIRES_EPOCH - 7 - -A /dev/$tty
      @ _awsenv_minutes = $_awsenv_left / 60
      if ($_awsenv_left <= 0) then
        set _awsenv_time = ' expired' _awsenv_code = '1;31' _awsenv_minutes = end
      else if ($_awsenv_left < 60) then
        set _awsenv_time = " ${_awsenv_left}s" _awsenv_code = 31
      else if ($_awsenv_minutes < 60) then
        set _awsenv_time = " ${_awsenv_minutes}m"
        if ($_awsenv_minutes < 15) set _awsenv_code = 33
        if ($_awsenv_minutes < 5) set _awsenv_code = 31
      else
        @ _awsenv_hours = $_awsenv_minutes / 60
        @ _awsenv_tens = $_awsenv_minutes % 60 / 10
        @ _awsenv_ones = $_awsenv_minutes % 10
        set _awsenv_time = " ${_awsenv_hours}h${_awsenv_tens}${_awsenv_ones}m"
      endif
      if ($?AWSENV_RENEW && $_awsenv_left < 300) then
        # Once in each of the last five minutes and once after the end. The new end counts as tried as well, so a wrong
        # clock causes no second attempt.
        set _awsenv_attempt = "$AWSENV_EXPIRES_EPOCH $_awsenv_minutes" _awsenv_refresh = 1
        if ($?AWSENV_AUTO_REFRESH) then
          if ("$AWSENV_AUTO_REFRESH" == 0) set _awsenv_refresh = 0
        endif
        if ("$_awsenv_tried" != "$_awsenv_attempt" && "$AWSENV_RENEW" != '' && $_awsenv_refresh) then
          set _awsenv_tried = "$_awsenv_attempt"
          if ($#argv == 1) then
            source $_awsenv_hook:q renew
            source $_awsenv_hook:q prompt again
          endif
        endif
      endif
    endif
  endif
  if ($?AWSENV_COLOR) then
    if ("$AWSENV_COLOR" !~ *[^0-9\;]* && "$_awsenv_code" != '1;31') set _awsenv_code = "$AWSENV_COLOR"
  endif
  if ($?AWSENV_LABEL) then
    # No escape sequence may reach the terminal.
    if ("$AWSENV_LABEL" =~ *[^A-Za-z0-9_.@+=,/-]*) then
      set _awsenv_text = "[$_awsenv_time] "
    else if ("$AWSENV_LABEL" != '') then
      set _awsenv_text = "[$AWSENV_LABEL$_awsenv_time] "
    endif
  endif
  if ($?AWSENV_DEMO) set _awsenv_text = "(demo) $_awsenv_text"
  if ($?AWSENV_DISABLE_PROMPT) then
    if ("$AWSENV_DISABLE_PROMPT" != '') set _awsenv_text = ''
  endif
  # tcsh would take as long again to read what follows.
  exit

# An alias of tcsh is one line, so its aliases read this file again:
#   source FILE load PROGRAM FILE    loads the hook
#   source FILE prompt               renews the role if it is about to end, and sets what the prompt shows of it
#   source FILE renew                renews the role silently
#   source FILE run WORDS...         does what `awsenv WORDS...` does to this shell, and says what is left to run
# The aliases set echo and verbose again: after Ctrl-C, that of the next prompt does.

case load:
  set _AWSENV_BIN = $argv[2]:q _awsenv_hook = $argv[3]:q _awsenv_text = '' _awsenv_code = '' _awsenv_tried = ''
  if (! $?_awsenv_traces) set _awsenv_traces = (0 0)
  # `awsenv exec` exports both. Its role precedes what the startup files have exported.
  unsetenv _AWSENV_BIN
  if ($?_AWSENV_CHANGE) then
    eval $_AWSENV_CHANGE:q
    unsetenv _AWSENV_CHANGE
  endif
  # Between quotes, backticks would evaluate the words again.
  alias _awsenv_call '$_awsenv_quietly:q $_awsenv_command:q $_awsenv_words:q'
  alias _awsenv_restore \
    'eval "set _awsenv_traces = (0 0); if ($_awsenv_traces[2]) set verbose; if ($_awsenv_traces[1]) set echo"'
  alias awsenv 'source $_awsenv_hook:q run \!*; _awsenv_restore; $_awsenv_command:q \!*'
  if ($?prompt) then
    set _awsenv_precmd = "`alias precmd`"
    if ("$_awsenv_precmd" !~ *_awsenv_prompt*) alias precmd "$_awsenv_precmd:q;_awsenv_prompt"
    if ("$prompt" !~ *_awsenv_text*) then
      set _awsenv_reference = '%{\033[%${_awsenv_code}m%}%${_awsenv_text}%{\033[0m%}'
      if ($?NO_COLOR || ! $?TERM) set _awsenv_reference = '%${_awsenv_text}'
      set prompt = "$_awsenv_reference$prompt:q"
    endif
  endif
  alias awsenv_prompt_info 'if ("$_awsenv_text" != "") echo "$_awsenv_text"'
  alias _awsenv_show 'if ($?AWSENV_LABEL || $?AWSENV_DEMO) source $_awsenv_hook:q prompt'
  alias _awsenv_prompt 'set _awsenv_text = ""; _awsenv_show; _awsenv_restore'
  breaksw

case renew:
case run:
  # Whether awsenv, called with these arguments, prints text to read rather than code to evaluate.
  set _awsenv_prints = 0 _awsenv_words = ($argv[2-]:q) _awsenv_quietly = ()
  if ("$argv[1]" == renew) then
    set _awsenv_words = (renew) _awsenv_quietly = (/bin/sh -c 'exec "$@" </dev/null 2>/dev/null' sh)
  endif
  if ($#_awsenv_words) then
    switch ("$_awsenv_words[1]")
    case completion:
    case console:
    case credential-process:
    case demo:
    case doctor:
    case exec:
    case explain:
    case init:
    case list:
    case lock:
    case login:
    case logout:
    case setup:
    case status:
      set _awsenv_prints = 1
    endsw
  endif
  foreach _awsenv_word ($_awsenv_words:q)
    switch ("$_awsenv_word")
    case --:
      break
    case -h:
    case --help:
    case --print:
    case --shell:
    case --shell=*:
    case --version:
      set _awsenv_prints = 1
    endsw
  end

  # The program cannot find out by itself that this hook is loaded, and what the prompt shows. A command of exec inherits
  # neither.
  set _awsenv_report = (_AWSENV_PROMPT=)
  if ($?prompt) then
    if ("$prompt" =~ *_awsenv_text*) then
      set _awsenv_report = (_AWSENV_PROMPT=awsenv)
    else
      set _awsenv_report = (_AWSENV_PROMPT=replaced)
    endif
  endif
  set _awsenv_report = (AWSENV_SHELL=tcsh $_awsenv_report)
  if ($_awsenv_prints && "$_awsenv_words" !~ doctor*) set _awsenv_report = ()

  # Python would load code from the current folder for an empty or a relative entry of these. An entry of PYTHONPATH is of
  # no use to the program in any case. The program restores them for the commands that it runs.
  foreach _awsenv_word (PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPYCACHEPREFIX PYTHONEXECUTABLE)
    eval 'set _awsenv_set = $?'$_awsenv_word
    if ($_awsenv_set) then
      set _awsenv_value = "`printenv $_awsenv_word`"
      if ("$_awsenv_value" =~ [^/]* || "$_awsenv_value" =~ *:[^/]* || "$_awsenv_value" =~ *: || $_awsenv_word == PYTHONPATH) \
        set _awsenv_report = ($_awsenv_report:q "_AWSENV_$_awsenv_word=$_awsenv_value" $_awsenv_word=)
    endif
  end
  set _awsenv_command = (env $_awsenv_report:q $_AWSENV_BIN:q)
  if ($#_awsenv_report == 0) set _awsenv_command = ($_AWSENV_BIN:q)

  # In eval "`awsenv ...`" that eval gets the output; the program sends keys to no other pipe.
  if (! $_awsenv_prints && ! -p /dev/stdout) then
    eval "`_awsenv_call`"
    set _awsenv_command = (/bin/sh -c "exit $status" awsenv)
  endif
  breaksw
endsw
if ("$argv[1]" == load) then
  _awsenv_restore
endif
