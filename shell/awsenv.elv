# awsenv for elvish 0.19 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# `awsenv init` prints the line for rc.elv that loads this file, or what it contains.
# set-env AWSENV_DISABLE_PROMPT 1 leaves the prompt alone; set-env NO_COLOR 1 leaves it without colour.
# After `awsenv login` a role is renewed before it ends, at a prompt; set-env AWSENV_AUTO_REFRESH 0 leaves that to you.

use math
use re
use str

# The path of the program: `awsenv init` sets it, `awsenv exec` exports it. Other programs do not need it.
var program folder = $E:_AWSENV_BIN $E:_awsenv_folder
unset-env _AWSENV_BIN
unset-env _awsenv_folder
if (eq $program '') {
  set program = awsenv
}
if (eq $folder '') {
  set folder = (re:replace '/bin/awsenv$' /share/awsenv $program)
}

var texts = [
  approve completion console credential-process demo doctor each exec explain help init list
  lock log login logout profiles setup status token
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

fn call {|words env|
  var command = (command-of $words $env)
  (external $command[0]) (all $command[1..])
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

# The seconds since 1970, read without a process; 0 where the system has no /proc: elvish has no clock.
var boot = $nil
fn set-clock {
  set boot = $nil
  nop ?(set boot = (re:find '(?m)^btime (\d+)$' (slurp < /proc/stat))[groups][1][text])
}
fn now {
  if $boot {
    var uptime = (read-upto . < /proc/uptime)
    + $boot $uptime[..-1]
  } else {
    put 0
  }
}
set-clock

# What elvish calls the colour that SGR parameters mean (ECMA-48).
fn style-of {|sgr|
  var names = [black red green yellow blue magenta cyan white]
  if (re:match '^3[0-7]$' $sgr) {
    put $names[$sgr[1]]
  } elif (re:match '^9[0-7]$' $sgr) {
    put bright-$names[$sgr[1]]
  } elif (re:match '^38;5;[0-9]+$' $sgr) {
    put color$sgr[5..]
  } elif (re:match '^38;2(;[0-9]+){3}$' $sgr) {
    put '#'(printf %02x%02x%02x (str:split ';' $sgr[5..] | each $num~))
  }
}

# The text of the role, its style, whether it ends soon, the whole minutes left, and the last second of which this is true.
fn described {
  # A label has no other characters unless the user set it by hand: no escape sequence may reach the terminal.
  var label = (re:replace '[^A-Za-z0-9_.@+=,/-]' '' $E:AWSENV_LABEL)
  # The colour of the profile is on all the time, and gives way to nothing but the end of the role.
  var style = [(style-of $E:AWSENV_COLOR)]
  var ends-soon minute until = $false $nil 99999999999
  var end = $E:AWSENV_EXPIRES_EPOCH
  var time = (now)
  if (and (> $time 0) (re:match '^[1-9][0-9]{0,10}$' $end)) {
    var left = (- $end $time)
    set ends-soon minute = (< $left 300) (math:floor (/ $left 60))
    if (<= $left 0) {
      set label minute style = $label' expired' -1 [bold red]
    } elif (< $left 60) {
      set label until = $label' '$left's' $time
    } else {
      set until = (- $end (* $minute 60))
      if (< $left 3600) {
        set label = $label' '$minute'm'
      } else {
        set label = $label' '(math:floor (/ $minute 60))'h'(printf '%02d' (% $minute 60))'m'
      }
    }
    if (not-eq $style []) {
      nop
    } elif $ends-soon {
      set style = [red]
    } elif (< $left 900) {
      set style = [yellow]
    }
  }
  if (eq $E:AWSENV_LABEL '') {
    set label ends-soon = '' $false
  } else {
    set label = '['$label']'
  }
  put [&text=$label &style=$style &ends-soon=$ends-soon &minute=$minute &until=$until]
}

# The prompt of the user, and the one that puts the role in front of it.
var inner = $nil
var outer = $nil

# What only an editor has and does: elvish compiles no code about it in a script, where this stays empty.
var editor = [&]

# The code of a function; empty for one of elvish's own.
fn body-of {|function|
  var body = ''
  nop ?(set body = $function[body])
  put $body
}

# Who draws the prompt: some frameworks show AWS_VAULT themselves.
fn owner {
  var prompt = ($editor[prompt~])
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

# What the prompt shows before that of the user, for which role and variables, whether that was checked just now, and
# whether the prompt shows it already.
var front = []
var role = [&]
var key = []
var is-fresh = $false
var is-inner = $false

# Sets these. They stay until a minute ends or a variable changes: elvish takes its time.
fn update {
  var this = [
    $E:AWSENV_LABEL $E:AWSENV_EXPIRES_EPOCH $E:AWSENV_COLOR $E:AWSENV_DEMO
    $E:AWSENV_DISABLE_PROMPT $E:NO_COLOR $E:TERM $inner
  ]
  if (eq $key $this) {
    if (<= (now) $role[until]) {
      return
    }
  }
  var who demo = (owner) ''
  set front role key = [] (described) $this
  if (not-eq $E:AWSENV_DEMO '') {
    set demo = '(demo)'
  }
  if (eq $who awsenv) {
    var text = (str:trim $demo' '$role[text] ' ')
    if (not-eq $text '') {
      if (and (eq $E:NO_COLOR '') (not (has-value ['' dumb] $E:TERM))) {
        # elvish refuses a number that is no colour.
        nop ?(set text = (styled $text (all $role[style])))
      }
      set front = [$text ' ']
    }
  } elif (and (not-eq $who disabled) (not-eq $demo '')) {
    # A framework shows the role, but not that it is of the demo. Its own line leaves the width of the others as it is.
    set front = [$demo"\n"]
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

var tried = []

# Renews the role, and says nothing if that fails. It tries once in each of the last five minutes and once after the
# end. The new end counts as tried as well, so a wrong clock causes no second attempt.
fn renew {
  var mark = [$E:AWSENV_EXPIRES_EPOCH $role[minute]]
  if (eq $tried $mark) {
    return
  }
  set tried = $mark
  try {
    var text = (call [renew] (hints) < /dev/null 2> /dev/null | slurp)
    print $text | make (from-json)
    update
    set tried = [$E:AWSENV_EXPIRES_EPOCH $role[minute]]
  } catch {
    nop
  }
}

# Runs before each prompt.
fn awsenv-refresh {
  if (eq $E:AWSENV_LABEL$E:AWSENV_DEMO '') {
    return
  }
  var prompt = ($editor[prompt~])
  if (not-eq $prompt $outer) {
    set inner = $prompt
    set outer = {
      if $is-inner {
        # The user has put our prompt into another, which then is inside of the new one of ours.
        $prompt
      } else {
        if $is-fresh {
          set is-fresh = $false
        } else {
          # The user has replaced the hook.
          update
        }
        # elvish takes values from a queue of 16 and, beside that, what the prompt prints: once the queue has had this
        # many more, it has taken those of the front.
        all $front
        repeat 17 ''
        set is-inner = $true
        try {
          $prompt
        } finally {
          set is-inner = $false
        }
      }
    }
    $editor[set-prompt~] $outer
  }
  update
  if (and $role[ends-soon] (not-eq $E:AWSENV_RENEW '') (not-eq $E:AWSENV_AUTO_REFRESH 0)) {
    renew
  }
  set is-fresh = $true
}

# Runs the hook before each prompt, and says whether it did not yet: a second load finds it by its name.
fn install {
  if (has-value [(each {|hook| str:contains (body-of $hook) awsenv-refresh } ($editor[hooks~]))] $true) {
    put $false
  } else {
    $editor[add-hook~] { awsenv-refresh }
    put $true
  }
}

# Assume an AWS role in this shell.
fn awsenv {|@words|
  # The command, a login above all, may have removed the reason why the role was not renewed.
  set tried key = [] []
  set-clock
  if (prints $@words) {
    var env = []
    if (has-value [doctor init] $words[0]) {
      set env = (hints)
    }
    call $words $env
    return
  }
  var text = (call $words (hints) | slurp)
  if (str:has-prefix $text '{') {
    print $text | make (from-json)
  } else {
    print $text
  }
  # The user may have replaced the hooks. A script has none.
  nop ?(nop (install))
}

# The text of the prompt, for themes; nothing if no role is active.
fn awsenv_prompt_info {
  print (described)[text]
}

# Lets the program write the names, and prints them; the argument says where to instead.
fn ask {|end|
  nop ?(/bin/sh -c '"$@" </dev/null 2>/dev/null '$end sh (all (command-of [completion --refresh] [])))
}

# The words of each line.
fn split-names {|text|
  str:split "\n" $text | each {|line| put [(str:split "\t" $line)] }
}

# The lines of the names, each split: those in the cache if they are of the two files, else those that the program
# prints. elvish cannot see the time of a file, so that the program looks at most once a minute whether those in the
# cache are stale, in the background; at each Tab where elvish has no clock.
var looked = -1
fn names {
  var cache text = $E:HOME/.cache ''
  if (str:has-prefix $E:XDG_CACHE_HOME /) {
    set cache = $E:XDG_CACHE_HOME
  }
  if (not-eq $E:AWSENV_CACHE 0) {
    nop ?(set text = (slurp < $cache/awsenv/names-1))
  }
  var values = [$E:HOME/.aws/config $E:HOME/.aws/credentials]
  if (has-env AWS_CONFIG_FILE) {
    set values[0] = $E:AWS_CONFIG_FILE
  }
  if (has-env AWS_SHARED_CREDENTIALS_FILE) {
    set values[1] = $E:AWS_SHARED_CREDENTIALS_FILE
  }
  var lines = [(split-names $text)]
  if (not-eq $values [(each {|line| if (and (eq $line[0] file) (== 4 (count $line))) { put $line[1] } } $lines)]) {
    split-names (ask '' | slurp)
    return
  }
  var minute = (math:floor (/ (now) 60))
  if (or (== $minute 0) (not-eq $minute $looked)) {
    set looked = $minute
    ask '>/dev/null &'
  }
  all $lines
}

# What a kind of the table stands for: candidates, each with its description.
fn offered {|kind command table|
  if (eq $kind first) {
    offered commands $command $table
    offered roles $command $table
  } elif (has-value [roles profiles] $kind) {
    names | each {|line| if (has-value [role source] $line[0]) { $editor[offer~] $line[1] $line[2] } }
  } elif (eq $kind regions) {
    names | each {|line| if (eq region $line[0]) { $editor[offer~] $line[1] $line[2] } }
  } elif (eq $kind commands) {
    for row $table { if (== 3 (count $row)) { $editor[offer~] $row[0] $row[2] } }
  } elif (eq $kind options) {
    for row $table {
      if (and (== 4 (count $row)) (has-value [(str:split , $row[0])] $command)) {
        $editor[offer~] $row[1] $row[3]
      }
    }
  } elif (str:contains $kind /) {
    str:split / $kind | each {|word| $editor[offer~] $word '' }
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
      $editor[complete-command~] (all $words[$at..])
      return
    } elif (str:has-prefix $word -) {
      for row $table {
        if (and (== 4 (count $row)) (eq $row[1] $word) (has-value [(str:split , $row[0])] $command)) {
          set value = $row[2]
        }
      }
    } elif (and (> (count $kinds) 0) (not (str:has-suffix $kinds[0] ...))) {
      var form = (str:contains $kinds[0] /)
      set kinds = $kinds[1..]
      for row $table {
        if (and $form (== 2 (count $row)) (eq $row[0] $command' '$word)) {
          set kinds = [(str:split ' ' $row[1])]
        }
      }
    }
    set at = (+ $at 1)
  }
  if (not-eq $value '') {
    offered $value $command $table
  } elif (str:has-prefix $words[-1] -) {
    offered options $command $table
  } elif (> (count $kinds) 0) {
    offered (str:trim-suffix $kinds[0] ...) $command $table
  }
}

# In the subshell of exec, after the file of the user.
if (has-env _AWSENV_CHANGE) {
  print $E:_AWSENV_CHANGE | make (from-json)
  unset-env _AWSENV_CHANGE
}

if ?(eval 'nop $edit:prompt') {
  eval &on-end={|made| set editor = $made } '
    fn prompt { put $edit:prompt }
    fn set-prompt {|prompt| set edit:prompt = $prompt }
    fn hooks { put $edit:before-readline }
    fn add-hook {|hook| set edit:before-readline = [$@edit:before-readline $hook] }
    fn add {|functions complete|
      edit:add-vars $functions
      set edit:completion:arg-completer[awsenv] = $complete
    }
    fn offer {|value text| edit:complex-candidate $value &display=$value"  "$text }
    fn complete-command {|@words| edit:complete-sudo sudo $@words }
  '
  if (install) {
    $editor[add~] [&awsenv~=$awsenv~ &awsenv_prompt_info~=$awsenv_prompt_info~] $complete~
  }
}
