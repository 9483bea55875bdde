require "mkmf"
$libs += " -l:libexpat.so.1"
create_makefile("version/version")
