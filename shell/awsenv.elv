# awsenv for elvish 0.19 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# `awsenv init` prints the line for rc.elv that loads this file, or what it contains.
# set-env AWSENV_DISABLE_PROMPT 1 leaves the prompt alone; set-env NO_COLOR 1 leaves it without colour.
# After `awsenv login` a role is renewed before it ends, at a prompt; set-env AWSENV_AUTO_REFRESH 0 leaves that to you.

use math
use re
use str

# The path of the program: `awsenv init` sets it, `awsenv exec` exports it. Other programs do not need it.
var program = $E:_AWSENV_BIN
var folder = $E:_awsenv_folder
unset-env _AWSENV_BIN
unset-env _awsenv_folder
if (eq $program '') {
  set program = awsenv
}
if (eq $folder '') {
  set folder = (re:replace '/bin/awsenv$' /share/awsenv $program)
}

var texts = [
  completion console credential-process demo doctor exec explain init list lock login logout setup status
]

# Whether awsenv, called with these words, prints text to read rather than data.
fn prints {|@words|
  if (has-value $texts [$@words ''][0]) {
    put $true
    return
  }
  for word $words {
    if (eq $word --) {
      break
    }
    if (or (has-value [-h --help --print --shell --version] $word) (str:has-prefix $word --shell=)) {
      put $true
      return
    }
  }
  put $false
}

# The command that calls the program with these words and variables, and without what makes Python load code from the
# current folder: an empty or a relative entry can, and an entry of PYTHONPATH is of no use to the program in any case.
# The program restores these variables for the commands that it runs.
fn command-of {|words env|
  for name [PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPYCACHEPREFIX PYTHONEXECUTABLE] {
    var value = ''
    if (has-env $name) {
      set value = (get-env $name)
    }
    if (and (not-eq $value '') (or (eq $name PYTHONPATH) (re:match ':([^/]|$)' :$value))) {
      set env = [$@env _AWSENV_$name'='$value $name'=']
    }
  }
  if (> (count $env) 0) {
    put [/usr/bin/env $@env $program $@words]
  } else {
    put [$program $@words]
  }
}

# Makes a change. What is set without a value is unset.
fn make {|change|
  keys $change | each {|name|
    if $change[$name] {
      set-env $name $change[$name]
    } else {
      unset-env $name
    }
  }
}

# The seconds since 1970, read without a process; nothing where the system has no /proc: elvish has no clock.
var boot = $nil
fn set-clock {
  try {
    set boot = (re:find '(?m)^btime (\d+)$' (slurp < /proc/stat))[groups][1][text]
  } catch {
    set boot = $nil
  }
}
fn now {
  if $boot {
    + $boot (re:find '^\d+' (slurp < /proc/uptime))[text]
  } else {
    put $nil
  }
}
set-clock

# The text of the role, its colour, the seconds left and the whole minutes.
fn described {
  # A label has no other characters unless the user set it by hand: no escape sequence may reach the terminal.
  var label = (re:replace '[^A-Za-z0-9_.@+=,/-]' '' $E:AWSENV_LABEL)
  var end = $E:AWSENV_EXPIRES_EPOCH
  # The colour of the profile is on all the time, and gives way to nothing but the end of the role.
  var color = ''
  if (re:match '^[0-9;]{1,16}$' $E:AWSENV_COLOR) {
    set color = $E:AWSENV_COLOR
  }
  if (eq $label '') {
    put [&text='' &color='' &left=$nil &minute=$nil]
    return
  }
  var time = (now)
  if (or (not $time) (not (re:match '^[1-9][0-9]{0,10}$' $end))) {
    put [&text='['$label']' &color=$color &left=$nil &minute=$nil]
    return
  }
  var left = (- $end $time)
  if (<= $left 0) {
    put [&text='['$label' expired]' &color='1;31' &left=$left &minute=-1]
    return
  }
  var minute = (math:floor (/ $left 60))
  if (< $left 60) {
    set label = $label' '$left's'
  } elif (< $left 3600) {
    set label = $label' '$minute'm'
  } else {
    set label = $label' '(math:floor (/ $minute 60))'h'(printf '%02d' (% $minute 60))'m'
  }
  if (not-eq $color '') {
    nop
  } elif (< $left 300) {
    set color = 31
  } elif (< $left 900) {
    set color = 33
  }
  put [&text='['$label']' &color=$color &left=$left &minute=$minute]
}

# The prompt of the user, and the one that puts the role in front of it.
var inner = $nil
var outer = $nil

# Gets and sets what only an editor has: elvish compiles no code about it in a script.
fn editor-get {|name|
  var found = $nil
  eval &ns=(ns [&found~={|it| set found = $it }]) 'found $edit:'$name
  put $found
}
fn editor-set {|name value|
  eval &ns=(ns [&value=$value]) 'set edit:'$name' = $value'
}

# The code of a function; empty for one of elvish's own.
fn body-of {|function|
  var body = ''
  nop ?(set body = $function[body])
  put $body
}

# Who draws the prompt: some frameworks show AWS_VAULT themselves.
fn owner {
  var prompt = (editor-get prompt)
  if (and $outer (eq $prompt $outer)) {
    set prompt = $inner
  }
  var body = (body-of $prompt)
  if (str:contains $body starship) {
    put starship
  } elif (str:contains $body _omp_) {
    put oh-my-posh
  } elif (not-eq $E:AWSENV_DISABLE_PROMPT '') {
    put disabled
  } else {
    put awsenv
  }
}

# A text in the colour of SGR parameters, as one of elvish's own: those are all that a value of a prompt may have.
fn painted {|text color|
  var names = [black red green yellow blue magenta cyan white]
  var parts = [(str:split ';' $color)]
  try {
    if (eq $color '1;31') {
      styled $text 'bold red'
    } elif (eq $parts[0] 38) {
      styled $text fg-(if (eq $parts[1] 5) { put color$parts[2] } else { printf '#%02x%02x%02x' (each $num~ $parts[2..]) })
    } elif (>= $color 90) {
      styled $text bright-$names[(- $color 90)]
    } else {
      styled $text $names[(- $color 30)]
    }
  } catch {
    put $text
  }
}

# What the prompt shows before that of the user: values, which elvish shows before the bytes that a prompt prints.
fn shown {
  var who = (owner)
  var demo = ''
  if (not-eq $E:AWSENV_DEMO '') {
    set demo = '(demo)'
  }
  if (eq $who disabled) {
    put ''
  } elif (not-eq $who awsenv) {
    # A framework shows the role, but not that it is of the demo. Its own line leaves the width of the others as it is.
    if (eq $demo '') {
      put ''
    } else {
      put $demo"\n"
    }
  } else {
    var role = (described)
    var text = (str:trim $demo' '$role[text] ' ')
    if (eq $text '') {
      put ''
    } elif (or (not-eq $E:NO_COLOR '') (has-value ['' dumb] $E:TERM)) {
      put $text' '
    } else {
      painted $text $role[color]
      put ' '
    }
  }
}

# Who draws the prompt, for the doctor, or what the last one showed.
fn state {
  var who = awsenv
  # A script has no prompt.
  nop ?(set who = (owner))
  if (and (eq $who awsenv) (eq $E:AWSENV_LABEL '')) {
    put idle
  } else {
    put $who
  }
}

# What tells the program that this hook is loaded, and what the prompt shows. A command of exec inherits neither.
fn hints {
  put [AWSENV_SHELL=elvish _AWSENV_PROMPT=(state)]
}

var tried = ''

# Assume an AWS role in this shell.
fn awsenv {|@words|
  # The command, a login above all, may have removed the reason why the role was not renewed.
  set tried = ''
  set-clock
  if (prints $@words) {
    var env = []
    if (eq $words[0] doctor) {
      set env = (hints)
    }
    var command = (command-of $words $env)
    (external $command[0]) (all $command[1..])
    return
  }
  var command = (command-of $words (hints))
  var text = ((external $command[0]) (all $command[1..]) | slurp)
  if (str:has-prefix $text '{') {
    print $text | make (from-json)
  } else {
    print $text
  }
}

# The text of the prompt, for themes; nothing if no role is active.
fn awsenv_prompt_info {
  print (described)[text]
}

# Renews the role, and says nothing if that fails. It tries once in each of the last five minutes and once after the
# end. The new end counts as tried as well, so a wrong clock causes no second attempt.
fn renew {
  var mark = $E:AWSENV_EXPIRES_EPOCH' '(to-string (described)[minute])
  if (eq $tried $mark) {
    return
  }
  set tried = $mark
  try {
    var command = (command-of [renew] (hints))
    var text = ((external $command[0]) (all $command[1..]) < /dev/null 2> /dev/null | slurp)
    print $text | make (from-json)
    set tried = $E:AWSENV_EXPIRES_EPOCH' '(to-string (described)[minute])
  } catch {
    nop
  }
}

# Runs before each prompt.
fn refresh {
  if (eq $E:AWSENV_LABEL$E:AWSENV_DEMO '') {
    return
  }
  if (and (not-eq $E:AWSENV_RENEW '') (not-eq $E:AWSENV_AUTO_REFRESH 0)) {
    var left = (described)[left]
    if (and $left (< $left 300)) {
      renew
    }
  }
  var prompt = (editor-get prompt)
  if (not (and $outer (eq $prompt $outer))) {
    set inner = $prompt
    set outer = {
      shown
      $prompt
    }
    editor-set prompt $outer
  }
}

# The lines of the cache of names, each split. elvish cannot see the time of a file, so that the program looks at most
# once a minute whether they are stale, in the background.
var looked = 0
fn names {
  var cache = ~/.cache
  if (str:has-prefix $E:XDG_CACHE_HOME /) {
    set cache = $E:XDG_CACHE_HOME
  }
  var minute = 1
  var time = (now)
  if $time {
    set minute = (math:floor (/ $time 60))
  }
  if (and (not-eq $E:AWSENV_CACHE 0) (not-eq $minute $looked)) {
    set looked = $minute
    nop ?(sh -c '"$@" </dev/null >/dev/null 2>&1 &' sh (all (command-of [completion --refresh] [])))
  }
  try {
    var text = (slurp < $cache/awsenv/names)
    str:split "\n" $text | each {|line| put [(str:split "\t" $line)] }
  } catch {
    nop
  }
}

# What a kind of the table stands for: candidates, each with its description.
fn offered {|kind command table|
  fn offer {|value text|
    eval &ns=(ns [&value=$value &text=$text]) 'edit:complex-candidate $value &display=$value"  "$text'
  }
  if (eq $kind first) {
    offered commands $command $table
    offered roles $command $table
  } elif (has-value [roles profiles] $kind) {
    names | each {|line| if (has-value [role source] $line[0]) { offer $line[1] $line[2] } }
  } elif (eq $kind regions) {
    names | each {|line| if (eq region $line[0]) { offer $line[1] $line[2] } }
  } elif (eq $kind commands) {
    for row $table { if (== 3 (count $row)) { offer $row[0] $row[2] } }
  } elif (eq $kind options) {
    for row $table {
      if (and (== 4 (count $row)) (has-value [(str:split , $row[0])] $command)) {
        offer $row[1] $row[3]
      }
    }
  } elif (str:contains $kind /) {
    str:split / $kind | each {|word| offer $word '' }
  }
}

# Offers commands, options, roles and regions, and leaves a command of `exec` to its own completion.
fn complete {|@words|
  var table = []
  try {
    var text = (slurp < $folder/completions/awsenv.table)
    set table = [(str:split "\n" $text | each {|line| put [(str:split '|' $line)] })]
  } catch {
    return
  }
  var command kinds at = use [first] 1
  if (> (count $words) 2) {
    set kinds = [roles -]
    for row $table {
      if (and (== 3 (count $row)) (eq $row[0] $words[1])) {
        set command kinds at = $row[0] [(str:split ' ' $row[1])] 2
      }
    }
  }
  var value = ''
  var last = (- (count $words) 1)
  while (< $at $last) {
    var word = $words[$at]
    if (not-eq $value '') {
      set value = ''
    } elif (or (eq $word --) (eq $kinds [command]) (and (eq $kinds [- command]) (not (re:match '^(-.*|[0-9]+)$' $word)))) {
      if (eq $word --) {
        set at = (+ $at 1)
      }
      eval &ns=(ns [&rest=[sudo (all $words[$at..])]]) 'edit:complete-sudo $@rest'
      return
    } elif (str:has-prefix $word -) {
      for row $table {
        if (and (== 4 (count $row)) (eq $row[1] $word) (has-value [(str:split , $row[0])] $command)) {
          set value = $row[2]
        }
      }
    } elif (> (count $kinds) 0) {
      set kinds = $kinds[1..]
    }
    set at = (+ $at 1)
  }
  if (not-eq $value '') {
    offered $value $command $table
  } elif (str:has-prefix $words[-1] -) {
    offered options $command $table
  } elif (> (count $kinds) 0) {
    offered $kinds[0] $command $table
  }
}

# In the subshell of exec, after the file of the user.
if (has-env _AWSENV_CHANGE) {
  print $E:_AWSENV_CHANGE | make (from-json)
  unset-env _AWSENV_CHANGE
}

# A script has no editor, and a second load changes nothing: it finds the hook by this name.
if ?(eval 'nop $edit:prompt') {
  fn awsenv-refresh { refresh }
  var hooks = (editor-get before-readline)
  if (not (has-value [(each {|hook| str:contains (body-of $hook) awsenv-refresh } $hooks)] $true)) {
    editor-set before-readline [$@hooks { awsenv-refresh }]
    var functions = [&awsenv~=$awsenv~ &awsenv_prompt_info~=$awsenv_prompt_info~]
    eval &ns=(ns [&functions=$functions]) 'edit:add-vars $functions'
    eval &ns=(ns [&complete=$complete~]) 'set edit:completion:arg-completer[awsenv] = $complete'
  }
}
