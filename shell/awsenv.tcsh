# awsenv for tcsh 6.21 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# In ~/.tcshrc, best as the last line:  eval "`awsenv init tcsh`"
# AWSENV_DISABLE_PROMPT=1 leaves the prompt alone; NO_COLOR=1 leaves it without colour. Set NO_COLOR before that line.

# set echo and set verbose would show the keys, and what runs at each prompt.
if ($?echo || $?verbose) then
  set _awsenv_traces = $?echo$?verbose
  unset echo verbose
endif

# An alias of tcsh is one line, so its aliases read this file again:
#   source FILE load PROGRAM FILE    loads the hook
#   source FILE install              inserts the text into the prompt
#   source FILE prompt               renews the role if it is about to end, and sets what the prompt shows of it
#   source FILE renew                renews the role silently
#   source FILE run WORDS...         is `awsenv WORDS...`
switch ("$argv[1]")
case load:
  set _AWSENV_BIN = $argv[2]:q _awsenv_hook = $argv[3]:q _awsenv_text = '' _awsenv_code = '' _awsenv_tried = ''
  if (! $?_awsenv_traces) set _awsenv_traces = 00
  # `awsenv exec` exports both. Its role precedes what the startup files export, before this line and after it.
  unsetenv _AWSENV_BIN
  if ($?_AWSENV_CHANGE) then
    eval $_AWSENV_CHANGE:q
    if ($?prompt) set _awsenv_change = $_AWSENV_CHANGE:q
    unsetenv _AWSENV_CHANGE
  endif
  # tcsh adds the words at the end. In front of them, it would expect the character that `histchars` names.
  alias awsenv 'source $_awsenv_hook:q run'
  alias awsenv_prompt_info 'if ("$_awsenv_text" != "") echo "$_awsenv_text"'
  # Between quotes, backticks would evaluate the words again.
  alias _awsenv_call '$_awsenv_quietly:q $_awsenv_command:q $_awsenv_words:q'
  alias _awsenv_restore 'if ($_awsenv_traces != 00)' \
    'eval "set _awsenv_traces = 00; if ($_awsenv_traces =~ ?1) set verbose; if ($_awsenv_traces =~ 1?) set echo"'
  # What decides what the prompt shows, beside the time. While nothing of it changes, nothing is computed.
  set _awsenv_names = (tty AWSENV_LABEL AWSENV_EXPIRES_EPOCH AWSENV_RENEW AWSENV_AUTO_REFRESH)
  set _awsenv_names = ($_awsenv_names AWSENV_DEMO AWSENV_COLOR AWSENV_DISABLE_PROMPT)
  set _awsenv_flags = '' _awsenv_set = '' _awsenv_check = ''
  foreach _awsenv_name ($_awsenv_names)
    set _awsenv_flags = "$_awsenv_flags"'$?'$_awsenv_name
  end
  # After Ctrl-C, it restores the traces of the user.
  alias _awsenv_prompt 'if ("'$_awsenv_flags:q'" != "$_awsenv_set") source $_awsenv_hook:q prompt;' \
    'eval $_awsenv_check:q; _awsenv_restore'
  source $_awsenv_hook:q install
  breaksw

case install:
  if ($?prompt) then
    set _awsenv_precmd = "`alias precmd`"
    if ("$_awsenv_precmd" !~ *_awsenv_prompt*) alias precmd "$_awsenv_precmd:q;_awsenv_prompt"
    if ("$prompt:q" !~ *_awsenv_text*) then
      set _awsenv_reference = '%{\033[%${_awsenv_code}m%}%${_awsenv_text}%{\033[0m%}'
      if ($?NO_COLOR || ! $?TERM) set _awsenv_reference = '%${_awsenv_text}'
      # It may be read-only.
      (set prompt = '') >& /dev/null
      if ($status == 0) set prompt = "$_awsenv_reference$prompt:q"
    endif
  endif
  breaksw

case prompt:
  if ($?_awsenv_change) then
    eval $_awsenv_change:q
    unset _awsenv_change
  endif
  # Which of the names are set, and code that compares the values with those of now. An unset name would be an error.
  set _awsenv_set = '' _awsenv_all = ''
  foreach _awsenv_name ($_awsenv_names)
    eval 'set _awsenv_set = $_awsenv_set$?'$_awsenv_name
    set _awsenv_$_awsenv_name:s/AWSENV_// = ''
    if ($_awsenv_set =~ *1) then
      eval 'set _awsenv_'$_awsenv_name:s/AWSENV_//' = "$'$_awsenv_name':q"'
      set _awsenv_all = "$_awsenv_all "'$'$_awsenv_name':q'
    endif
  end
  eval 'set _awsenv_key = "'$_awsenv_all:q'"'
  set _awsenv_if = '"'$_awsenv_all:q'" != "$_awsenv_key:q"'

  set _awsenv_code = '' _awsenv_time = ''
  # An expression would run a command in it.
  if ("$_awsenv_EXPIRES_EPOCH:q" =~ [1-9]* && "$_awsenv_EXPIRES_EPOCH:q" !~ *[^0-9]* && "$_awsenv_tty" != '') then
    # The clock is when the terminal was last read from: when the user pressed Enter. Linux rounds that down to 8 s.
    @ _awsenv_end = $_awsenv_EXPIRES_EPOCH - 7
    @ _awsenv_left = $_awsenv_end - -A /dev/$tty
    @ _awsenv_minutes = $_awsenv_left / 60
    @ _awsenv_until = $_awsenv_end - $_awsenv_minutes * 60
    @ _awsenv_since = $_awsenv_until - 59
    if ($_awsenv_left <= 0) then
      set _awsenv_time = ' expired' _awsenv_code = '1;31' _awsenv_minutes = end
      set _awsenv_since = $_awsenv_end _awsenv_until = 99999999999
    else if ($_awsenv_left < 60) then
      set _awsenv_time = " ${_awsenv_left}s" _awsenv_code = 31 _awsenv_until = 0
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
    set _awsenv_if = "$_awsenv_if:q || -A /dev/"'$tty'" < $_awsenv_since || -A /dev/"'$tty'" > $_awsenv_until"
    # Once in each of the last five minutes and once after the end. The new end counts as tried as well: a wrong clock
    # causes no second attempt.
    set _awsenv_attempt = "$_awsenv_EXPIRES_EPOCH $_awsenv_minutes"
    if ("$_awsenv_LABEL:q" != '' && "$_awsenv_RENEW:q" != '' && "$_awsenv_AUTO_REFRESH:q" != 0 && \
        $_awsenv_left < 300 && "$_awsenv_tried" != "$_awsenv_attempt") then
      set _awsenv_tried = "$_awsenv_attempt"
      if ($#argv == 1) then
        source $_awsenv_hook:q renew
        source $_awsenv_hook:q prompt again
        exit
      endif
    endif
  endif
  set _awsenv_check = "if ($_awsenv_if:q)"' source $_awsenv_hook:q prompt'
  if ("$_awsenv_COLOR:q" =~ [0-9]* && "$_awsenv_COLOR:q" !~ *[^0-9\;]* && "$_awsenv_code" != '1;31') \
    set _awsenv_code = "$_awsenv_COLOR:q"
  set _awsenv_text = ''
  if ("$_awsenv_LABEL:q" != '') set _awsenv_text = "[$_awsenv_LABEL:q$_awsenv_time] "
  # No escape sequence may reach the terminal.
  if ("$_awsenv_LABEL:q" =~ *[^A-Za-z0-9_.@+=,/-]*) set _awsenv_text = "[$_awsenv_time] "
  if ("$_awsenv_DEMO:q" != '') set _awsenv_text = "(demo) $_awsenv_text"
  if ("$_awsenv_DISABLE_PROMPT:q" != '') set _awsenv_text = ''
  breaksw

case renew:
case run:
  # Whether awsenv, called with these arguments, prints text to read rather than code to evaluate.
  set _awsenv_prints = 0 _awsenv_words = ($argv[2-]:q) _awsenv_quietly = ()
  if ("$argv[1]" == renew) then
    set _awsenv_words = (renew) _awsenv_quietly = (/bin/sh -c 'exec "$@" </dev/null 2>/dev/null' sh)
  endif
  if ($#_awsenv_words) then
    if ("$_awsenv_words[1]:q" =~ {approve,completion,console,credential-process,demo,doctor,each,exec} || \
        "$_awsenv_words[1]:q" =~ {explain,help,init} || \
        "$_awsenv_words[1]:q" =~ {list,lock,log,login,logout,profiles,setup,status,token}) set _awsenv_prints = 1
  endif
  foreach _awsenv_word ($_awsenv_words:q)
    if ("$_awsenv_word:q" == --) break
    if ("$_awsenv_word:q" =~ {-h,--help,--print,--shell,--shell=*,--version}) set _awsenv_prints = 1
  end

  # What the program cannot find out by itself: that this hook is loaded, and what the prompt shows. A command of exec
  # inherits neither.
  set _awsenv_report = ()
  if (! $_awsenv_prints || "$_awsenv_words:q" =~ {doctor,init}*) then
    set _awsenv_report = (AWSENV_SHELL=tcsh _AWSENV_PROMPT=)
    if ($?prompt) then
      set _awsenv_report[2] = _AWSENV_PROMPT=replaced
      if ("$prompt:q" =~ *_awsenv_text*) set _awsenv_report[2] = _AWSENV_PROMPT=awsenv
    endif
  endif

  # Python would load code from the current folder for an empty or a relative entry of these; PYTHONPATH is of no use to
  # the program in any case. The program restores them for the commands that it runs.
  foreach _awsenv_word (PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPYCACHEPREFIX PYTHONEXECUTABLE)
    eval 'set _awsenv_has = $?'$_awsenv_word
    if ($_awsenv_has) then
      set _awsenv_value = "`printenv $_awsenv_word`"
      if ("$_awsenv_value" =~ {[^/]*,*:[^/]*,*:} || $_awsenv_word == PYTHONPATH) \
        set _awsenv_report = ($_awsenv_report:q "_AWSENV_$_awsenv_word=$_awsenv_value" $_awsenv_word=)
    endif
  end
  set _awsenv_status = 0 _awsenv_command = ($_AWSENV_BIN:q)
  if ($#_awsenv_report) set _awsenv_command = (env $_awsenv_report:q $_AWSENV_BIN:q)

  # In eval "`awsenv ...`" that eval gets the output; the program sends keys to no other pipe.
  if (! $_awsenv_prints && ! -p /dev/stdout) then
    eval "`_awsenv_call`"
    set _awsenv_status = $status _awsenv_command = () _awsenv_words = ()
  endif
  # Something may have set the prompt since the hook was loaded, and a login lets an attempt to renew succeed.
  if ("$argv[1]" == run) then
    source $_awsenv_hook:q install
    set _awsenv_set = '' _awsenv_tried = ''
  endif
endsw

if ("$argv[1]" !~ {load,run}) exit
_awsenv_restore
if ("$argv[1]" == load) exit
# Nothing may follow that has a status of its own.
set status = $_awsenv_status
$_awsenv_command:q $_awsenv_words:q
