set -e
/usr/bin/python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile --only-binary :all: -r requirements.txt
# Programs name the interpreter by the path that the environment has here.
find venv/bin -type f -delete
