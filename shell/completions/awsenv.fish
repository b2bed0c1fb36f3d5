# Completion of awsenv for fish 3.4 and later. The hook of `awsenv init fish` loads it at the first Tab; a package installs
# it as `awsenv.fish` in a folder of fish_complete_path. It starts no process while the names in the cache folder are
# fresh: src/awsenv/cli/candidates.py has their format.

# The rows of the table in this folder. tests/docs/completions.py writes it, and says what the fields mean;
# `awsenv completion fish` puts it in front of this code.
set -q _awsenv_table
or builtin read -gz _awsenv_table <$_awsenv_folder/completions/awsenv.table
set -g __awsenv_commands (string split -n \n -- $_awsenv_table | string match -v -- '*|--*')
set -g __awsenv_options (string split -n \n -- $_awsenv_table | string match -- '*|--*')

function __awsenv_complete --description 'Print what may follow on the command line'
    set -l words (builtin commandline -opc)
    set -l word (builtin commandline -ct)
    # What the word means, without its quotes; nothing if it cannot be told.
    set -l token (string unescape -- $word)
    set -l command use
    set -l fields first
    set -e words[1]
    if set -q words[1]
        set fields roles
        set -l row (string replace -rf -- '^'(string escape --style=regex -- "$words[1]")'\|([^|]*)\|.*' '=$1' $__awsenv_commands)
        if set -q row[1]
            set command $words[1]
            set fields (string split -n ' ' -- (string sub -s 2 -- $row[1]))
            set -e words[1]
        end
    end
    while set -q words[1]
        switch $words[1]
            case --
                builtin contains command $fields
                and __awsenv_delegate $words[2..-1]
                return
            case '--*=*'
            case '--*'
                set -l value (__awsenv_value $words[1])
                if test -n "$value"
                    if not set -q words[2]
                        __awsenv_offer $value
                        return
                    end
                    set -e words[1]
                end
            case '-?*'
            case '*'
                # The word after the role is the command unless it is a code.
                if test "$fields" = command; or string match -qr -- '^- command:.*[^0-9]' "$fields:$words[1]"
                    __awsenv_delegate $words
                    return
                end
                set -e fields[1]
        end
        set -e words[1]
    end
    switch "$fields:$word"
        case '*:--*=*'
            set -l option (string split -m 1 = -- $word)[1]
            set token (string replace -r -- '^[^=]*=' '' $token)
            string replace -r -- '^' $option= (__awsenv_offer (__awsenv_value $option))
        case '*:-*'
            __awsenv_offer options
        case '- command:' command:
            # A code cannot be offered; after it, and in place of it, a command can.
            builtin printf '%s\n' --
        case '- command:*' 'command:*'
            __awsenv_delegate
        case '*'
            __awsenv_offer $fields[1]
    end
end

function __awsenv_value --no-scope-shadowing --description 'Print the kind of the values of an option, if it takes any'
    string replace -rf -- "^(?:[^|]*,)?$command(?:,[^|]*)?\\|$argv[1]\\|([^|]*)\\|.*" '$1' $__awsenv_options
end

function __awsenv_delegate --description 'Complete a command, whose words before the cursor these are, in its own way'
    builtin complete -C (string join ' ' -- (string escape -- $argv) (builtin commandline -ct))
end

function __awsenv_offer --no-scope-shadowing --description 'Print what a kind stands for: a field of the tables, or another'
    switch "$argv[1]"
        case first
            string replace -r -- '\|.*\|' \t $__awsenv_commands
            __awsenv_names 'role|source' $token
        case commands
            string replace -r -- '\|.*\|' \t $__awsenv_commands
        case options
            set -l named $command
            test "$fields" = first
            and set named "(?:$command|awsenv)"
            string replace -rf -- "^(?:[^|]*,)?$named(?:,[^|]*)?\\|([^|]*)\\|[^|]*\\|" '$1'\t $__awsenv_options
        case roles profiles
            __awsenv_names 'role|source' $token
        case regions
            __awsenv_names region $token
        case file
            set -l path (string replace -r -- '^.*?file://' '' $word)
            and string replace -r -- '^' file:// (builtin complete -C "'' $path")
            or builtin echo file://
        case '*/*'
            string split / -- $argv[1]
    end
end

function __awsenv_names --description 'Print the names of the kinds that a pattern matches, which begin with the second argument'
    set -l folder "$HOME/.cache/awsenv"
    string match -q -- '/*' "$XDG_CACHE_HOME"
    and set folder $XDG_CACHE_HOME/awsenv
    set -l files
    for name in config:AWS_CONFIG_FILE credentials:AWS_SHARED_CREDENTIALS_FILE
        set -l variable (string split : -- $name)
        set -l path "$HOME/.aws/$variable[1]"
        set -q $variable[2]
        and set path $$variable[2]
        # `exec --refresh` hides the file from AWS tools.
        if test -n "$AWSENV_REFRESH" -a "$path" = /dev/null
            set path "$HOME/.aws/$variable[1]"
            set variable AWSENV_SAVED_$variable[2]
            set -q $variable
            and set path $$variable
        end
        set -a files "$path"
    end
    if test "$AWSENV_CACHE" != 0
        if test -f $folder/names -a -O $folder/names -a ! -L $folder/names
            set -l config
            set -l credentials
            begin
                read config
                read credentials
            end <$folder/names
            if __awsenv_is_fresh "$files[1]" $config; and __awsenv_is_fresh "$files[2]" $credentials
                # Those that begin with what was typed; if none does, fish may find it in the middle of others.
                set -l kinds "^(?:$argv[1])\\t"
                string match -rg -- "$kinds("(string escape --style=regex -- "$argv[2]")'.*)' <$folder/names
                or string match -rg -- "$kinds(.*)" <$folder/names
                return
            end
        end
        __awsenv_rebuild
    end
    # The files themselves, until the names are written.
    test "$argv[1]" != region
    or return
    set files (string replace -r -- '^~/' "$HOME/" $files)
    test -f "$files[1]" -a -r "$files[1]"
    and string match -r -- '^[^-\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$' \
        (string unescape -- (string match -rg -- '^\[(?:profile\s+|(?=default\]))([^\]]+)\]' <$files[1]))
    test -f "$files[2]" -a -r "$files[2]"
    and string match -rg -- '^\[([^-\]\x00-\x1f\x7f-\x9f][^\]\x00-\x1f\x7f-\x9f]*)\]' <$files[2]
end

function __awsenv_is_fresh --no-scope-shadowing --description 'Whether a line of the names is about a file as it is now'
    set -l parts (string split -- \t $argv[2])
    test "$argv[1]" = "$parts[2]" -a -n "$parts[4]"
    or return
    # Neither is newer: a file that is there is newer than one that is not.
    test "$parts[3]" -nt "$folder/$parts[4]"
    test $status -eq 1
    or return
    test "$folder/$parts[4]" -nt "$parts[3]"
    test $status -eq 1
end

function __awsenv_rebuild --description 'Let the program write the names, in the background'
    set -l program $_AWSENV_BIN (command -s awsenv)
    # Not more than once at a command line: it may fail each time.
    set -l line (builtin commandline -poc | string collect)
    test -n "$program[1]" -a "$__awsenv_rebuilt" != "$line $history[1]"
    or return
    set -g __awsenv_rebuilt "$line $history[1]"
    # It runs no other program, so these need not be kept.
    /usr/bin/env PYTHONPATH= PYTHONHOME= PYTHONUSERBASE= PYTHONPYCACHEPREFIX= PYTHONEXECUTABLE= \
        /bin/sh -c '"$0" completion --refresh </dev/null >/dev/null 2>&1 &' $program[1]
end

# The hook may have done so: twice would cost twice as much.
builtin complete -c awsenv | string match -q '*__awsenv_complete*'
or builtin complete -c awsenv -f -a '(__awsenv_complete)'
