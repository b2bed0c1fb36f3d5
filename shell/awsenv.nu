# awsenv for nushell 0.101 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# `awsenv init` prints the line for config.nu that loads this file, or what it contains.
# $env.AWSENV_DISABLE_PROMPT = 1 leaves the prompt alone; $env.NO_COLOR = 1 leaves it without colour.
# After `awsenv login` a role is renewed before it ends, at a prompt; $env.AWSENV_AUTO_REFRESH = 0 leaves that to you.

# Whether awsenv, called with these words, prints text to read rather than data.
def _awsenv_prints [words: list<string>]: nothing -> bool {
    let texts = [
        approve completion console credential-process demo doctor each exec explain help init list
        lock log login logout profiles setup status token
    ]
    ($words.0? | default "") in $texts or (
        $words
        | take while {|word| $word != "--" }
        | any {|word| $word in [-h --help --print --shell --version] or $word starts-with "--shell=" }
    )
}

# What nushell holds for a variable, as other programs see it; empty: it is not set.
def _awsenv_text [value: any]: nothing -> string {
    [$value] | flatten | str join ":"
}

# The words of the command that calls the program without what makes Python load code from the current folder: an empty
# or a relative entry can, and an entry of PYTHONPATH is of no use to the program in any case. The program restores these
# variables for the commands that it runs.
def _awsenv_isolated [words: list<string>]: nothing -> list<string> {
    let misleading = (
        {
            PYTHONPATH: $env.PYTHONPATH?
            PYTHONHOME: $env.PYTHONHOME?
            PYTHONUSERBASE: $env.PYTHONUSERBASE?
            PYTHONPYCACHEPREFIX: $env.PYTHONPYCACHEPREFIX?
            PYTHONEXECUTABLE: $env.PYTHONEXECUTABLE?
        }
        | items {|name value| {name: $name value: (_awsenv_text $value)} }
        | where {|it| $it.value != "" and ($it.name == PYTHONPATH or $":($it.value):" =~ ':[^/]') }
        | each {|it| [$"_AWSENV_($it.name)=($it.value)" $"($it.name)="] }
        | flatten
    )
    [...(if ($misleading | is-empty) { [] } else { [/usr/bin/env ...$misleading] }) $env._awsenv.program ...$words]
}

# What is set without a value is unset. The names are those of the program, so each value stays a string.
def --env _awsenv_make []: string -> nothing {
    let change = $in | from json
    let gone = $change | columns | where {|name| ($change | get $name) == null }
    hide-env --ignore-errors ...$gone
    load-env ($change | reject ...$gone)
}

# The lines of the names, each split: those in the cache if they are of the two files. The program writes them again in
# the background if they are stale, and prints them if they are of other files.
def _awsenv_names []: nothing -> list<list<string>> {
    let home = _awsenv_text $env.XDG_CACHE_HOME?
    let user = _awsenv_text $env.HOME?
    let cache = if $home starts-with / { $home } else { $"($user)/.cache" }
    let has_cache = (_awsenv_text $env.AWSENV_CACHE?) != "0"
    let lines = try { if $has_cache { open --raw $"($cache)/awsenv/names-1" | _awsenv_split } } | default []
    let files = $lines | where {|line| $line.0 == file and ($line | length) == 4 }
    let values = [
        ($env.AWS_CONFIG_FILE? | default $"($user)/.aws/config")
        ($env.AWS_SHARED_CREDENTIALS_FILE? | default $"($user)/.aws/credentials")
    ]
    if ($files | each {|line| $line.1 }) != ($values | each {|value| _awsenv_text $value }) {
        return (_awsenv_ask "" | _awsenv_split)
    }
    let is_fresh = try {
        $files | all {|line|
            let time = if ($line.2 | path exists) { ls --directory $line.2 | get 0.modified | into int } else { 0 }
            ($time | into string) == ($line.3 | split row "-" | last)
        }
    } catch {
        false
    }
    if not $is_fresh { _awsenv_ask ">/dev/null &" }
    $lines
}

# The words of each line.
def _awsenv_split []: any -> list<list<string>> {
    lines | each {|line| $line | split row --number 4 "\t" }
}

# Lets the program write the names, and returns them; the argument says where to instead.
def _awsenv_ask [end: string]: nothing -> string {
    ^/bin/sh -c $"\"$@\" </dev/null 2>/dev/null ($end)" sh ...(_awsenv_isolated [completion --refresh]) | complete | get stdout
}

# What a kind of the table stands for: values, each with its description.
def _awsenv_offered [kind: string, command: string, table: list<list<string>>]: nothing -> list<any> {
    match $kind {
        first => [...(_awsenv_offered commands $command $table) ...(_awsenv_offered roles $command $table)]
        roles | profiles => (
            _awsenv_names | where {|line| $line.0 in [role source] } | each {|line| {value: $line.1 description: $line.2} }
        )
        regions => (_awsenv_names | where {|line| $line.0 == region } | each {|line| {value: $line.1 description: $line.2} })
        commands => ($table | where {|row| ($row | length) == 3 } | each {|row| {value: $row.0 description: $row.2} })
        options => (
            $table
            | where {|row| ($row | length) == 4 and $command in ($row.0 | split row ",") }
            | each {|row| {value: $row.1 description: $row.3} }
        )
        _ => (if $kind =~ '/' { $kind | split row / | each {|word| {value: $word description: ""} } } else { [] })
    }
}

# Offers commands, options, roles and regions; behind `--`, what the user has for all commands, else files.
def _awsenv_complete [context: string, position: int] {
    let table = try { open --raw $"($env._awsenv.folder)/completions/awsenv.table" | lines | each {|line| $line | split row "|" } } catch { [] }
    let words = (
        $context
        | str substring 0..<$position
        | parse --regex r#'("(?:[^"\\]|\\.)*"?|'[^']*'?|\S+)(\s*)'#
        | where {|word| $word.capture1 != "" }
        | each {|word| $word.capture0 }
        | skip 1
        | each {|word| $word | str trim --char '"' | str trim --char "'" }
    )
    let fields = $table | where {|row| ($row | length) == 3 } | each {|row| {name: $row.0 kinds: ($row.1 | split row " ")} }
    let known = $fields | where {|row| $row.name == $words.0? }
    let command = if ($known | is-empty) { "use" } else { $known.0.name }
    mut kinds = if ($words | is-empty) { [first] } else { ($fields | where {|row| $row.name == $command }).0?.kinds? | default [] }
    mut value = ""
    for word in ($words | skip ($known | length)) {
        if $value != "" {
            $value = ""
        } else if $word == "--" or $kinds == [command] or ($kinds == ["-" command] and $word !~ '^-|^\d+$') {
            $kinds = [rest]
            break
        } else if $word starts-with "-" {
            let options = (
                $table | where {|row| ($row | length) == 4 and $command in ($row.0 | split row ",") and $row.1 == $word }
            )
            $value = $options.0?.2? | default ""
        } else {
            let form = if ($kinds.0? | default "") =~ '/' { $table | where {|row| $row.0 == $"($command) ($word)" } } else { [] }
            if ($kinds.0? | default "") !~ '\.\.\.$' {
                $kinds = if ($form | is-empty) { $kinds | skip 1 } else { $form.0.1 | split row " " }
            }
        }
    }
    let prefix = $context | str substring 0..<$position | split row --regex '\s' | last
    let kind = if $value != "" { $value } else if $prefix starts-with "-" and $kinds != [rest] { "options" } else { $kinds.0? | default "" | str replace "..." "" }
    if $kind in [rest command file] { return null }
    _awsenv_offered $kind $command $table | each {|it|
        {value: (if $it.value =~ '^[\w.@+,/-]+$' { $it.value } else { $it.value | to json }) description: $it.description}
    }
}

# Assume an AWS role in this shell.
def --env --wrapped awsenv [...words: string@_awsenv_complete] {
    # The command, a login above all, may have removed the reason why the role was not renewed.
    $env._awsenv.tried = null
    let command = _awsenv_isolated $words
    if (_awsenv_prints $words) {
        # The program cannot find out by itself that this hook is loaded, and what the prompt shows. A command of exec
        # inherits neither.
        let learns = ($words.0? | default "") in [doctor init]
        let hints = if $learns { {AWSENV_SHELL: nu _AWSENV_PROMPT: (_awsenv_shown)} } else { {} }
        with-env $hints { ^$command.0 ...($command | skip 1) }
    } else {
        # If Ctrl-Z stopped a command whose output goes to a variable, nushell would wait for that for ever.
        let change = with-env {AWSENV_SHELL: nu _AWSENV_PROMPT: (_awsenv_shown)} {
            ^/bin/sh -c 'trap "" TSTP; exec "$0" "$@"' ...$command
        }
        if $change starts-with "{" { $change | _awsenv_make } else if $change != "" { print $change }
        # The user may have replaced $env.config, and the hook with it.
        _awsenv_install
    }
}

# The text of the role, the color that goes with it, the whole minutes left, and the nanosecond at which this ends.
def _awsenv_described []: nothing -> record {
    # A label has no other characters unless the user set it by hand: no escape sequence may reach the terminal.
    let label = _awsenv_text $env.AWSENV_LABEL? | str replace --all --regex '[^A-Za-z0-9_.@+=,/-]' ""
    let end = _awsenv_text $env.AWSENV_EXPIRES_EPOCH?
    # The color of the profile is on all the time, and gives way to nothing but the end of the role.
    let own = _awsenv_text $env.AWSENV_COLOR?
    let own = if $own =~ '^[0-9;]{1,16}$' { $own }
    if $label == "" {
        {text: "" color: null minute: null until: (2 ** 62)}
    } else if $end !~ '^[1-9][0-9]{0,10}$' {
        {text: $"[($label)]" color: $own minute: null until: (2 ** 62)}
    } else {
        let end = $end | into int
        let left = $end - (date now | into int) // 1_000_000_000
        let minute = if $left > 0 { $left // 60 } else { -1 }
        let time = if $minute < 0 {
            "expired"
        } else if $minute == 0 {
            $"($left)s"
        } else if $minute < 60 {
            $"($minute)m"
        } else {
            $"($minute // 60)h($minute mod 60 | fill --alignment right --character "0" --width 2)m"
        }
        let color = if $minute < 0 {
            "1;31"
        } else if $own != null {
            $own
        } else if $minute < 5 {
            "31"
        } else if $minute < 15 {
            "33"
        }
        let until = if $minute == 0 { 0 } else { ($end - $minute * 60 + 1) * 1_000_000_000 }
        {text: $"[($label) ($time)]" color: $color minute: $minute until: $until}
    }
}

# Who draws the prompt: some frameworks show AWS_VAULT themselves.
def _awsenv_owner [prompt: any]: nothing -> string {
    let source = if ($prompt | describe) == closure { view source $prompt } else { "" }
    if $source =~ starship {
        "starship"
    } else if $source =~ _omp_ {
        "oh-my-posh"
    } else if (_awsenv_text $env.AWSENV_DISABLE_PROMPT?) != "" {
        "disabled"
    } else {
        "awsenv"
    }
}

# Whether the prompt is ours.
def _awsenv_draws []: nothing -> bool {
    ($env.PROMPT_COMMAND? | describe) == closure and (view source $env.PROMPT_COMMAND) =~ _awsenv_draw
}

# Runs the hook before each prompt, once however often this file is loaded.
def --env _awsenv_install [] {
    let state = $env._awsenv
    $env.config.hooks.pre_prompt = (
        $env.config.hooks.pre_prompt
        | where {|it| ($it | describe) !~ _awsenv }
        | append {_awsenv: true code: {|| $env._awsenv = $env._awsenv? | default $state; _awsenv_refresh }}
    )
}

# Who draws the prompt, for the doctor, or what the last one showed.
def _awsenv_shown []: nothing -> string {
    let owner = _awsenv_owner (if (_awsenv_draws) { $env._awsenv.prompt } else { $env.PROMPT_COMMAND? })
    if $owner != awsenv {
        $owner
    } else if ($env.config.hooks.pre_prompt | all {|it| ($it | describe) !~ _awsenv }) {
        "stopped"
    } else if (_awsenv_text $env.AWSENV_LABEL?) == "" {
        "idle"
    } else {
        "awsenv"
    }
}

# The text of the role, what the prompt shows of it, the whole minutes left, and the nanosecond at which this ends. It
# stays until then, or until a variable changes: nushell takes its time.
def _awsenv_role []: nothing -> record {
    let key = [
        $env.AWSENV_LABEL? $env.AWSENV_EXPIRES_EPOCH? $env.AWSENV_COLOR? $env.AWSENV_DEMO? $env.AWSENV_DISABLE_PROMPT?
        $env.NO_COLOR? $env.TERM? $env.config.use_ansi_coloring?
    ]
    let kept = $env._awsenv.role
    if $kept.key == $key and (date now | into int) < $kept.until { return $kept }
    let role = _awsenv_described
    let owner = _awsenv_owner $env._awsenv.prompt
    let demo = if (_awsenv_text $env.AWSENV_DEMO?) != "" { "(demo)" } else { "" }
    let text = $"($demo) ($role.text)" | str trim
    let is_plain = (
        $role.color == null
        or (_awsenv_text $env.NO_COLOR?) != ""
        or (_awsenv_text $env.TERM?) in ["" dumb]
        or $env.config.use_ansi_coloring? == false
    )
    let front = if $owner != awsenv {
        # A framework shows the role, but not that it is of the demo. Its own line leaves the width of the others as it is.
        if $demo == "" or $owner == disabled { "" } else { $"($demo)\n" }
    } else if $text == "" {
        ""
    } else if $is_plain {
        $"($text) "
    } else {
        # The last color is that which nushell gives every prompt.
        $"\e[($role.color)m($text)\e[0;38;5;10m "
    }
    {key: $key text: $role.text front: $front minute: $role.minute until: $role.until}
}

# The text of the prompt, for themes; nothing if no role is active.
def awsenv_prompt_info []: nothing -> string {
    (_awsenv_role).text
}

# Draws a prompt with the role in front, behind blank lines.
def _awsenv_draw [prompt: any]: nothing -> string {
    # A tool may have wrapped our prompt in its own, which then is inside of ours.
    let lines = with-env {_awsenv: ($env._awsenv | merge {is_inner: true})} {
        if ($prompt | describe) == closure { do $prompt } else { $prompt } | default "" | into string
    }
    if $env._awsenv.is_inner { return $lines }
    let front = (_awsenv_role).front
    if $lines =~ '^[\r\n]' { $lines | str replace --regex '^[\r\n]*' $"$0($front)" } else { $front + $lines }
}

# Renews the role, and says nothing if that fails. It tries once in each of the last five minutes and once after the
# end. The new end counts as tried as well, so a wrong clock causes no second attempt.
def --env _awsenv_renew [] {
    let mark = [$env.AWSENV_EXPIRES_EPOCH $env._awsenv.role.minute]
    if $env._awsenv.tried == $mark { return }
    $env._awsenv.tried = $mark
    let command = _awsenv_isolated [renew]
    let made = with-env {AWSENV_SHELL: nu} { "" | ^$command.0 ...($command | skip 1) | complete }
    if $made.exit_code == 0 and $made.stdout starts-with "{" {
        $made.stdout | _awsenv_make
        $env._awsenv.role = _awsenv_role
        $env._awsenv.tried = [$env.AWSENV_EXPIRES_EPOCH? $env._awsenv.role.minute]
    }
}

# Runs before each prompt, and keeps the status of the last command: nushell does so for its hooks.
def --env _awsenv_refresh [] {
    if (_awsenv_text $env.AWSENV_LABEL?) == "" and (_awsenv_text $env.AWSENV_DEMO?) == "" { return }
    if not (_awsenv_draws) {
        let prompt = $env.PROMPT_COMMAND?
        $env._awsenv = $env._awsenv | merge {prompt: $prompt role: {key: null}}
        $env.PROMPT_COMMAND = {|| _awsenv_draw $prompt }
    }
    $env._awsenv.role = _awsenv_role
    let renews = (_awsenv_text $env.AWSENV_RENEW?) != "" and (_awsenv_text $env.AWSENV_AUTO_REFRESH?) != "0"
    if $renews and ($env._awsenv.role.minute | default 5) < 5 { try { _awsenv_renew } }
}

# Makes the change of `awsenv exec`, after the startup files, which may set other values.
def --env _awsenv_arrive [] {
    $env._AWSENV_CHANGE? | default "{}" | _awsenv_make
    hide-env --ignore-errors _AWSENV_CHANGE
}

# The path of the program: `awsenv init` sets it, `awsenv exec` exports it, and an installed file finds it from its own
# path. Other programs do not need it, nor see a record.
const _awsenv_file = path self
$env._awsenv = {
    tried: null
    role: {key: null}
    is_inner: false
    prompt: $env._awsenv?.prompt?
    program: (
        $env._AWSENV_BIN?
        | default ($_awsenv_file | parse --regex '^(.*)/share/awsenv/[^/]*$' | each { $in.capture0 + /bin/awsenv } | get 0?)
        | default $env._awsenv?.program?
        | default awsenv
    )
    folder: ($env._awsenv_folder? | default $env._awsenv?.folder? | default ($_awsenv_file | path dirname))
}
hide-env --ignore-errors _AWSENV_BIN _awsenv_folder
_awsenv_install
