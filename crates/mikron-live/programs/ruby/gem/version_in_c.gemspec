Gem::Specification.new do |gem|
  gem.name = "version_in_c"
  gem.version = "1.0.0"
  gem.summary = "An extension in C"
  gem.authors = ["Mikron"]
  gem.files = ["ext/version/extconf.rb", "ext/version/version.c", "lib/version_in_c.rb"]
  gem.extensions = ["ext/version/extconf.rb"]
end
