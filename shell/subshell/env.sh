# `awsenv exec ROLE` starts a POSIX shell with this file in place of the one that ENV names, or the shell itself. It reads
# that file, loads the hook unless that file did, and sets the role again, because that file may have exported keys or a
# profile.
# shellcheck shell=sh
# shellcheck source=/dev/null disable=SC2034,SC2154,SC2240,SC2250,SC2288 # variables of the shell and of awsenv; yash finds files

# The user may have an alias of any name: a quoted word is none. A shell expands what ENV contains.
'eval' "_awsenv_file=\"${_AWSENV_RC-}\""
case ${_AWSENV_ENV+set} in
set) ENV=$_AWSENV_ENV ;;
*) 'unset' ENV ;;
esac
'unset' _AWSENV_ENV _AWSENV_RC
if '[' -r "$_awsenv_file" ']'; then
  '.' "$_awsenv_file"
elif '[' -n "${YASH_VERSION-}" ']'; then
  '.' --autoload initialization/default
fi
'command' -v _awsenv_install >/dev/null || '.' "$_AWSENV_HOOK"

# set -x and set -v would show the keys.
_awsenv_flags=$-
{ 'set' +xv; } 2>/dev/null
'eval' "${_AWSENV_CHANGE-}"
'unset' _AWSENV_CHANGE _AWSENV_HOOK _awsenv_file
_awsenv_set_clock
_awsenv_install # that file may have set the prompt after the hook
_awsenv_restore
