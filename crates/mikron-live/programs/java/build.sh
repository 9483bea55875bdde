set -e
mkdir app
javac --release 17 -h . Server.java
jar --create --file app/server.jar --main-class Server Server*.class
headers="$(dirname "$(readlink -f "$(command -v javac)")")/../include"
gcc -shared -fPIC -O1 -I "$headers" -I "$headers/linux" -o app/libversion.so version.c -l:libz.so.1
