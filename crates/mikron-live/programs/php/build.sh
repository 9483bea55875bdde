set -e
mkdir -p app
cp index.php app
gcc -shared -fPIC -O1 $(php-config --includes) -o app/version.so version.c -l:libbz2.so.1.0
