# Completion of awsenv for fish 3.4 and later. The hook of `awsenv init fish` loads it at the first Tab; a package installs
# it as `awsenv.fish` in a folder of fish_complete_path. It starts no process while the names in the cache folder are
# fresh: src/awsenv/cli/candidates.py has their format.

# The rows of the table in this folder. tests/docs/completions.py writes it, and says what the fields mean;
# `awsenv completion fish` puts it in front of this code.
set -q _awsenv_table
or builtin read -gz _awsenv_table <$_awsenv_folder/completions/awsenv.table
set -g __awsenv_commands (string split -n \n -- $_awsenv_table | string match -v -- '*|--*' | string match -- '*|*|*')
set -g __awsenv_forms (string split -n \n -- $_awsenv_table | string match -v -- '*|*|*')
set -g __awsenv_options (string split -n \n -- $_awsenv_table | string match -- '*|--*')

function __awsenv_complete --description 'Set __awsenv_found to what may follow on the command line, with descriptions'
    set -g __awsenv_found
    set -l words (builtin commandline -opc)
    set -l word (builtin commandline -ct)
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
                set -l form (string replace -rf -- '^'(string escape --style=regex -- "$command $words[1]")'\|' '' $__awsenv_forms)
                and string match -q -- '*/*' $fields[1]
                and set fields _ (string split -n ' ' -- $form)
                string match -q -- '*...' "$fields[1]"
                or set -e fields[1]
        end
        set -e words[1]
    end
    switch "$fields:$word"
        case '*:--*=*'
            set -l option (string split -m 1 = -- $word)[1]
            __awsenv_offer (__awsenv_value $option)
            set __awsenv_found $option=$__awsenv_found
        case '*:-*'
            __awsenv_offer options
        case '- command:' command:
            # A code cannot be offered; after it, and in place of it, a command can.
            set __awsenv_found --
        case '- command:*' 'command:*'
            __awsenv_delegate
        case '*'
            __awsenv_offer $fields[1]
    end
    # fish leaves what was typed as it is: without quotes it means a home folder, or a list.
    string match -qr -- '^~|^[^\'"\\\\]*\{' $word
    and set __awsenv_found
    # Fish takes four times as long to see that the others do not match. If none does, it may find the word in their middle.
    set -l token (string unescape -- $word)
    if test -n "$token"
        set -l begin (string match -r -- '^'(string escape --style=regex -- "$token")'.*' $__awsenv_found)
        set -q begin[1]
        and set __awsenv_found $begin
    end
end

function __awsenv_value --no-scope-shadowing --description 'Print the kind of the values of an option, if it takes any'
    string replace -rf -- "^(?:[^|]*,)?$command(?:,[^|]*)?\\|$argv[1]\\|([^|]*)\\|.*" '$1' $__awsenv_options
end

function __awsenv_delegate --description 'Complete a command, whose words before the cursor these are, in its own way'
    set -g __awsenv_found (builtin complete -C (string join ' ' -- (string escape -- $argv) (builtin commandline -ct)))
end

function __awsenv_offer --no-scope-shadowing --description 'Find what a kind stands for: a field of the table, or another'
    switch "$argv[1]"
        case first commands
            set -g __awsenv_found (string replace -r -- '\|.*\|' \t $__awsenv_commands)
            if test "$argv[1]" = first
                __awsenv_read_names
                set -a __awsenv_found $__awsenv_profiles
            end
        case options
            set -l named $command
            test "$fields" = first
            and set named "(?:$command|awsenv)"
            set -g __awsenv_found (string replace -rf -- "^(?:[^|]*,)?$named(?:,[^|]*)?\\|([^|]*)\\|[^|]*\\|" '$1'\t $__awsenv_options)
        case roles roles... profiles
            __awsenv_read_names
            set -g __awsenv_found $__awsenv_profiles
        case regions
            __awsenv_read_names
            set -g __awsenv_found $__awsenv_regions
        case file
            set -l path (string replace -r -- '^.*?file://' '' $word)
            and set -g __awsenv_found file://(builtin complete -C "'' $path")
            or set -g __awsenv_found file://
        case '*/*'
            set -g __awsenv_found (string split / -- $argv[1])
    end
end

# Those that this shell has read, if they are fresh; else those in the cache, which the program writes again in the
# background if they are stale; else those that the program prints.
function __awsenv_read_names --description 'Keep the names of the two files'
    set -l folder "$HOME/.cache/awsenv"
    string match -q -- '/*' "$XDG_CACHE_HOME"
    and set folder $XDG_CACHE_HOME/awsenv
    set -l stale
    if test "$AWSENV_CACHE" != 0
        __awsenv_are_ours
        and not set -q stale[1]
        and return
        if test -f $folder/names-1 -a -r $folder/names-1 -a -O $folder/names-1 -a ! -L $folder/names-1
            __awsenv_sort (string split -n \n <$folder/names-1)
            if __awsenv_are_ours
                set -q stale[1]
                and __awsenv_ask '>/dev/null &'
                return
            end
        end
    end
    __awsenv_sort (__awsenv_ask)
end

function __awsenv_sort --description 'Keep the lines of the names by their kinds'
    set -g __awsenv_profiles (string replace -rf -- '^(?:role|source)\t' '' $argv)
    set -g __awsenv_regions (string replace -rf -- '^region\t' '' $argv)
    set -g __awsenv_files (string replace -rf -- '^file\t' '' $argv)
end

# Those that this shell would have the program read. Sets `stale` of the caller if they have changed.
function __awsenv_are_ours --no-scope-shadowing --description 'Whether the names that this shell has read are of the two files'
    set stale
    set -l values "$HOME/.aws/config" "$HOME/.aws/credentials"
    set -q AWS_CONFIG_FILE
    and set values[1] "$AWS_CONFIG_FILE"
    set -q AWS_SHARED_CREDENTIALS_FILE
    and set values[2] "$AWS_SHARED_CREDENTIALS_FILE"
    for number in 1 2
        set -l words (string split -- \t "$__awsenv_files[$number]")
        test (builtin count $words) -eq 3 -a "$words[1]" = "$values[$number]"
        or return
        # Neither is newer: a file that is there is newer than one that is not.
        if test "$words[2]" -nt "$folder/$words[3]"; or test "$folder/$words[3]" -nt "$words[2]"
            set stale yes
        end
    end
end

function __awsenv_ask --description 'Let the program write the names, and print them; the argument says where to'
    set -l program $_AWSENV_BIN (command -s awsenv)
    set -q program[1]
    or return
    # It runs no other program, so these need not be kept.
    /usr/bin/env PYTHONPATH= PYTHONHOME= PYTHONUSERBASE= PYTHONPYCACHEPREFIX= PYTHONEXECUTABLE= \
        /bin/sh -c '"$0" completion --refresh </dev/null 2>/dev/null '"$argv" $program[1]
end

# The hook may have done so: twice would cost twice as much.
builtin complete -c awsenv | string match -q '*__awsenv_complete*'
or builtin complete -c awsenv -f -n '__awsenv_complete; true' -a '$__awsenv_found'
