# awsenv for fish 3.4 and later: `awsenv ROLE` acts on this shell, and the prompt shows the role and its time left.
# `awsenv init` prints the line for ~/.config/fish/config.fish that loads this file, or what it contains.
# AWSENV_DISABLE_PROMPT=1 leaves the prompt alone; NO_COLOR=1 leaves it without colour.
# After `awsenv login` a role is renewed before it ends, at a prompt (from fish 3.5 on, which has a clock);
# AWSENV_AUTO_REFRESH=0 leaves that to you.

# The user may have a function of any name but those that fish reserves, such as `set` and `string`: `builtin` passes over
# the others.

# The path of the program: `awsenv init` sets it, `awsenv exec` exports it, and an installed file finds it from its own
# path. Other programs do not need it.
if set -q _AWSENV_BIN
    set -gu _AWSENV_BIN $_AWSENV_BIN
else
    set -g _AWSENV_BIN (string replace -fr -- '^(/.*|)/share/awsenv/[^/]*$' '$1/bin/awsenv' (status filename))
    test -x "$_AWSENV_BIN"
    or set _AWSENV_BIN (command -s awsenv)
end

# The folder of this file, which `awsenv init` sets, for what is loaded later.
set -q _awsenv_folder
or set -g _awsenv_folder (string replace -r -- '/[^/]*$' '' (status filename))

function __awsenv_prints --description 'Whether awsenv prints text to read rather than code to evaluate'
    builtin contains -- "$argv[1]" approve completion console credential-process demo doctor each exec explain help init \
        list lock log login logout profiles setup status token
    and return 0
    for word in $argv
        switch $word
            case --
                return 1
            case -h --help --print --shell '--shell=*' --version
                return 0
        end
    end
    return 1
end

# An empty or a relative entry can make Python load code from the current folder; an entry of PYTHONPATH is of no use to
# the program in any case. The program restores these variables for the commands that it runs. `env` keeps variables that
# sh would drop.
function __awsenv_isolated --description 'Run a command without what misleads Python'
    set -l unset
    for name in PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPYCACHEPREFIX PYTHONEXECUTABLE
        if set -qx $name
            and test -n "$$name"
            and string match -qr -- '^PYTHONPATH:|:([^/]|$)' "$name:$$name"
            set -a unset "_AWSENV_$name=$$name" "$name="
        end
    end
    set -q unset[1]
    and set -p unset /usr/bin/env
    set -p argv $unset
    $argv
end

function awsenv --description 'Assume an AWS role in this shell'
    # In `awsenv ... | source` and in (...) those get the output; the program sends keys to no other pipe, and this
    # function sends none to a file. Only a command can tell: the builtin test sees the stdout of the shell itself. exec
    # is never captured: it keeps its terminal.
    if __awsenv_prints $argv; or begin
            not test -t 1
            and command test -p /dev/stdout
        end
        # The command, a login above all, may have removed the reason why the role was not renewed. The subshell of exec
        # tells tmux of its own role.
        set -e __awsenv_tried
        set -e __awsenv_key
        set -g __awsenv_in_tmux
        # The program cannot find out by itself that this hook is loaded, and what the prompt shows. A command of exec
        # inherits neither.
        if builtin contains -- "$argv[1]" doctor init; or not __awsenv_prints $argv
            set -fx AWSENV_SHELL fish
            set -fx _AWSENV_PROMPT (__awsenv_shown)
        end
        __awsenv_isolated $_AWSENV_BIN $argv
        return
    end
    # A local, empty fish_trace keeps the keys out of a trace.
    set -l fish_trace
    # If Ctrl-Z stopped a command in (...), fish would wait for its output for ever.
    set -l start 'trap "" TSTP; exec "$0" "$@"'
    # Where the prompt shows the role, the program need not.
    set -lx _AWSENV_PROMPT (__awsenv_shown)
    set -l change (AWSENV_SHELL=fish __awsenv_isolated /bin/sh -c $start "$_AWSENV_BIN" $argv | string collect)
    set -l result $pipestatus[1]
    test $result -eq 0
    or return $result
    switch "$change"
        case '' 'if *' 'set -*'
            eval $change
        case '*'
            builtin printf '%s\n' $change
    end
end

# A file was changed at some time, and so many seconds ago: the sum is the time. From fish 3.5 on: no other clock starts no
# process. The program of fish does not change while the prompt compares the second number alone.
set -g __awsenv_file (status fish-path)
test -e "$__awsenv_file"
or set -g __awsenv_file /
if builtin -q path
    function __awsenv_age --description 'Print the seconds since a file was changed'
        builtin path mtime -R $__awsenv_file
    end
    function __awsenv_clock --description 'Print two numbers whose sum is the time'
        builtin path mtime $__awsenv_file
        __awsenv_age
    end
else
    function __awsenv_age
        builtin echo 0
    end
    function __awsenv_clock
    end
end

function __awsenv_describe --no-scope-shadowing --description 'Set text, color and left, variables of the caller'
    set text $AWSENV_LABEL
    set color
    # The color of the profile is on all the time, and gives way to nothing but the end of the role.
    string match -qr -- '^[0-9;]{1,16}$' "$AWSENV_COLOR"
    and set color $AWSENV_COLOR
    # The text stays as it is while the second number of the clock is between these.
    set -g __awsenv_between 0 99999999999
    set -e __awsenv_key
    set -l now (__awsenv_clock)
    # One match for both: a label of harmless characters, and a plain number.
    if not string match -qr -- '^[A-Za-z0-9_.@+=,/-]*:[1-9][0-9]{0,10}$' "$text:$AWSENV_EXPIRES_EPOCH"
        # The user has set one by hand: no escape sequence may reach the terminal.
        set text (string replace -ra -- '[^A-Za-z0-9_.@+=,/-]' '' "$text")
        string match -qr -- '^[1-9][0-9]{0,10}$' "$AWSENV_EXPIRES_EPOCH"
        or set -e now
    end
    if not set -q now[2]
        set text "[$text]"
        return
    end
    # Each (...) costs 50 microseconds, so there are few.
    set -l end "($AWSENV_EXPIRES_EPOCH - $now[1])"
    set left (
        builtin math "$end - $now[2]"
        builtin math "floor(($end - $now[2]) / 60)"
        builtin math "$now[2] + ($end - $now[2]) % 60"
    )
    if test $left[1] -le 0
        set text "[$text expired]"
        set color '1;31'
        set __awsenv_between[1] (builtin math $end)
    else if test $left[1] -lt 60
        set text "[$text $left[1]s]"
        set -q color[1]
        or set color 31
        set __awsenv_between $now[2] $now[2]
    else
        set __awsenv_between $now[2] $left[3]
        if test $left[1] -lt 3600
            set text "[$text $left[2]m]"
            if set -q color[1]
            else if test $left[1] -lt 300
                set color 31
            else if test $left[1] -lt 900
                set color 33
            end
        else
            set -l hours (
                builtin math "floor($left[2] / 60)"
                builtin math "$left[2] % 60"
            )
            test $hours[2] -lt 10
            and set hours[2] 0$hours[2]
            set text "[$text $hours[1]h$hours[2]m]"
        end
    end
end

function __awsenv_renew --no-scope-shadowing --description 'Renew the role, and say nothing if that fails'
    # Try once in each of the last five minutes and once after the end. The new end counts as tried as well, so a wrong
    # clock causes no second attempt.
    set -l minute expired
    test $left[1] -gt 0
    and set minute $left[2]
    test "$__awsenv_tried" != "$AWSENV_EXPIRES_EPOCH $minute"
    or return
    # Set first: Ctrl-C leads to the next prompt and does not return here.
    set -g __awsenv_tried "$AWSENV_EXPIRES_EPOCH $minute"
    # As in `awsenv`; but text that is no change is not shown, and sh keeps silent about a program that cannot start or
    # is killed, which fish would report.
    set -l fish_trace
    set -l start 'AWSENV_SHELL=fish "$0" renew || exit'
    set -l change (__awsenv_isolated /bin/sh -c $start "$_AWSENV_BIN" </dev/null 2>/dev/null | string collect)
    test $pipestatus[1] -eq 0
    and string match -qr -- '^(if|set) ' "$change"
    or return
    eval $change 2>/dev/null
    set left 300
    __awsenv_describe
    set minute expired
    test $left[1] -gt 0
    and set minute $left[2]
    set -g __awsenv_tried "$AWSENV_EXPIRES_EPOCH $minute"
end

function awsenv_prompt_info --description 'Print the text of the prompt, for themes; nothing if no role is active'
    test -n "$AWSENV_LABEL"
    or return 0
    set -l text
    set -l color
    set -l left
    __awsenv_describe
    builtin printf '%s\n' $text
end

# Codes for colors, titles and movements, up to the last one that moves the cursor or erases.
set -g __awsenv_moves '^(?:\r|\e\[[0-9;?]*[A-Za-rt-z]|\e\].*?(?:\a|\e\\\\))*(?:\r|\e\[[0-9;?]*[A-HJKSTdf])'

function __awsenv_draw --description 'Print a prompt with the role in front'
    # First, with nothing before it but `set`: the prompt sees the $status and $pipestatus of the last command.
    set -l lines ($argv[1])
    set -g __awsenv_drawn
    if test -n "$__awsenv_text"
        switch "$lines[1]"
            case '' \r'*' \e'*'
                set -l first 1
                while test -z "$lines[$first]"; and set -q lines[$first]
                    set first (builtin math $first + 1)
                end
                # It follows what moves the cursor or erases: \r, the codes that `tput cr` and `tput el` print. The text of
                # the demo ends with a newline, which would make two lines of it.
                string match -qr -- $__awsenv_moves "$lines[$first]"
                and set lines[$first] (string replace -r -- $__awsenv_moves "\$0$__awsenv_text" "$lines[$first]" | string collect)
                or set lines[$first] "$__awsenv_text$lines[$first]"
            case '*'
                set lines[1] "$__awsenv_text$lines[1]"
        end
    end
    builtin printf '%s\n' $lines
end

function __awsenv_owner --description 'Print who draws the prompt: some frameworks show AWS_VAULT themselves'
    set -l prompt (builtin functions fish_prompt)
    set -l wrapped (string match -r -- '__awsenv_prompt_\d+' $prompt)
    and set prompt (builtin functions $wrapped[1])
    if string match -qri -- starship $prompt
        builtin echo starship
    else if string match -qr -- '\bomp_|_omp_' $prompt
        builtin echo oh-my-posh
    else if builtin functions -q tide; or string match -qr -- _tide_ $prompt
        builtin contains awsenv $tide_left_prompt_items $tide_right_prompt_items
        and builtin echo tide-segment
        or builtin echo tide
    else if test "$pure_enable_aws_profile" = true; and string match -qr -- _pure_prompt $prompt
        builtin echo pure
    else if test "$theme_display_aws_vault_profile" = yes; and string match -qr -- __bobthefish_ $prompt
        builtin echo bobthefish
    else if test -n "$AWSENV_DISABLE_PROMPT"
        builtin echo disabled
    else if string match -qr -- awsenv_prompt_info $prompt (builtin functions fish_right_prompt)
        builtin echo theme
    else
        builtin echo awsenv
    end
end

function __awsenv_shown --description 'Print for the doctor who draws the prompt, or what the last one showed'
    set -l owner (__awsenv_owner)
    if test "$owner" != awsenv
        builtin echo $owner
    else if not builtin functions -q __awsenv_refresh
        builtin echo stopped
    else if test -z "$__awsenv_text"
        builtin echo idle
    else if not set -q __awsenv_drawn
        builtin echo replaced
    else
        builtin echo awsenv
    end
end

function __awsenv_wrap --description 'Put the role in front of the prompt'
    # If our wrapper did not draw the last prompt, someone has defined a new one.
    not set -q __awsenv_drawn
    and not string match -qr -- __awsenv_draw (builtin functions fish_prompt)
    or return
    # A new name each time: a tool may restore its copy of an earlier wrapper, which must not call itself.
    set -g __awsenv_wraps $__awsenv_wraps x
    set -l prompt __awsenv_prompt_(builtin count $__awsenv_wraps)
    builtin functions -q fish_prompt
    and builtin functions -c fish_prompt $prompt
    and eval "function fish_prompt; __awsenv_draw $prompt; end"
end

function __awsenv_show --description 'Set what the prompt shows, and make it show that'
    set -l text
    set -l color
    # This stays if no end is known.
    set -l left 300
    set -g __awsenv_between 0 99999999999
    test -n "$AWSENV_LABEL"
    and __awsenv_describe
    if test $left[1] -lt 300; and test -n "$AWSENV_RENEW" -a "$AWSENV_AUTO_REFRESH" != 0
        # Ctrl-C ends this function, and the next prompt shows this.
        set -g __awsenv_text "$text "
        __awsenv_renew
    end
    set -g __awsenv_text
    switch (__awsenv_owner)
        case disabled
        case awsenv
            test -n "$AWSENV_DEMO"
            and set text (string join ' ' '(demo)' $text)
            if test -n "$color" -a -z "$NO_COLOR" -a -n "$TERM" -a "$TERM" != dumb
                set text \e"["$color"m$text"\e'[m'
            end
            set __awsenv_text "$text "
            __awsenv_wrap
        case '*'
            # A framework shows the role, but not that it is of the demo. Its own line leaves the width of the others as
            # it is.
            if test -n "$AWSENV_DEMO"
                set __awsenv_text '(demo)'\n
                __awsenv_wrap
            end
    end
end

# The label, the end, the color (prompts/tmux.conf). After a nested shell the pane has again the role that this shell has
# inherited.
set -g __awsenv_in_tmux '  '
set -g __awsenv_inherited "$AWSENV_LABEL" "$AWSENV_EXPIRES_EPOCH" "$AWSENV_COLOR"
function __awsenv_set_tmux --description 'Tell tmux which role its pane has, when that changes'
    set -g __awsenv_in_tmux "$argv"
    function __awsenv_leave --on-event fish_exit
        __awsenv_set_tmux $__awsenv_inherited
    end
    # A label has none of these unless the user set it by hand.
    string match -qr -- '[^A-Za-z0-9_.@+=,/-]' "$argv[1]"
    and set argv '' '' ''
    command tmux set -pt $TMUX_PANE @awsenv_role "$argv[1]" \; set -pt $TMUX_PANE @awsenv_end "$argv[2]" \; \
        set -pt $TMUX_PANE @awsenv_color "$argv[3]" </dev/null >/dev/null 2>&1
end

if status is-interactive
    function __awsenv_refresh --on-event fish_prompt
        if test -n "$AWSENV_LABEL$AWSENV_DEMO"
            # A pipe takes half the time of (...).
            __awsenv_age | read -l age
            # All that decides what the prompt shows, but for the time.
            set -l all "$AWSENV_LABEL $AWSENV_EXPIRES_EPOCH $AWSENV_AUTO_REFRESH $AWSENV_DEMO $AWSENV_COLOR \
                $AWSENV_DISABLE_PROMPT $NO_COLOR $TERM"
            if not set -q __awsenv_drawn
                or test "$all" != "$__awsenv_key" -o $age -lt $__awsenv_between[1] -o $age -gt $__awsenv_between[2]
                __awsenv_show
                set -g __awsenv_key $all
            end
        else
            set -g __awsenv_text
            set -e __awsenv_key
        end
        if set -q TMUX_PANE; and test "$__awsenv_in_tmux" != "$AWSENV_LABEL $AWSENV_EXPIRES_EPOCH $AWSENV_COLOR"
            __awsenv_set_tmux "$AWSENV_LABEL" "$AWSENV_EXPIRES_EPOCH" "$AWSENV_COLOR"
        end
        set -e __awsenv_drawn
    end

    # At the first Tab this function gives way to that of the file.
    if not builtin functions -q __awsenv_complete
        function __awsenv_complete
            if test -r $_awsenv_folder/completions/awsenv.fish
                builtin source $_awsenv_folder/completions/awsenv.fish
                __awsenv_complete
            end
        end
        builtin complete -c awsenv -f -n '__awsenv_complete; true' -a '$__awsenv_found'
    end
end
