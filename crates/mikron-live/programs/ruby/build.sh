set -e
mkdir -p app
cp server.rb app
(cd gem && gem build --silent version_in_c.gemspec)
gem install --silent --local --no-document --install-dir app/gems gem/version_in_c-1.0.0.gem
