# The item `awsenv` of tide: the role and its time left. Tide draws its items in a fish of its own, which finds this file:
#     awsenv init tide > ~/.config/fish/functions/_tide_item_awsenv.fish
#     set -Ua tide_right_prompt_items awsenv
# tide_awsenv_color and tide_awsenv_bg_color set its colors.

set -q tide_awsenv_color
or set -g tide_awsenv_color ff8700
set -q tide_awsenv_bg_color
or set -g tide_awsenv_bg_color normal

function _tide_item_awsenv
    test -n "$AWSENV_LABEL"
    or return 0
    set -l text (string replace -ra -- '[^A-Za-z0-9_.@+=,/-]' '' "$AWSENV_LABEL")
    set -l color
    # SGR parameters: the color that the user has given this role.
    string match -qr -- '^[0-9;]+$' "$AWSENV_COLOR"
    and set color $AWSENV_COLOR
    # From fish 3.5 on: no other clock starts no process.
    if builtin -q path; and string match -qr -- '^[1-9][0-9]{0,10}$' "$AWSENV_EXPIRES_EPOCH"
        set -l left (math $AWSENV_EXPIRES_EPOCH - (builtin path mtime /) - (builtin path mtime -R /))
        if test $left -le 0
            set text "$text expired"
            set color '1;31'
        else if test $left -lt 60
            set text "$text $left"s
        else if test $left -lt 3600
            set text "$text "(math -s0 $left / 60)m
        else
            set text "$text "(math -s0 $left / 3600)h(string pad -c 0 -w 2 (math -s0 "$left % 3600 / 60"))m
        end
        if not set -q color[1]
            test $left -lt 900
            and set color 33
            test $left -lt 300
            and set color 31
        end
    end
    set -q color[1]
    and set text \e"[$color"m"$text"
    _tide_print_item awsenv $text
end
