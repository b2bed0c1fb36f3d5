# `awsenv exec ROLE` starts elvish with this file in place of that of the user. It evaluates that file, and then the
# hook, which sets the role again, because the file may have set keys or a profile.

use path
use runtime

var change program = $E:_AWSENV_CHANGE $E:_AWSENV_BIN
unset-env _AWSENV_CHANGE
unset-env _AWSENV_BIN

if (and $runtime:rc-path (path:is-regular &follow-symlink=$true $runtime:rc-path)) {
  try {
    # What the file defines is there at the prompt.
    eval &on-end={|ns| keys $ns | each {|name| edit:add-var $name $ns[$name] } } (slurp < $runtime:rc-path)
  } catch e {
    show $e >&2
  }
}

set-env _AWSENV_CHANGE $change
set-env _AWSENV_BIN $program
eval (slurp < (path:join (path:dir (path:dir (src)[name])) awsenv.elv))
unset-env _AWSENV_BIN
