require "version/version"
