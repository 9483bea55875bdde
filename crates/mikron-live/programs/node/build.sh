set -e
mkdir -p app/node_modules/version/build/Release
cp server.js package.json app
echo '{ "name": "version", "version": "1.0.0", "main": "build/Release/version.node" }' >app/node_modules/version/package.json
gcc -shared -fPIC -O1 -o app/node_modules/version/build/Release/version.node version.c -l:libsqlite3.so.0
