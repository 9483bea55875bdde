// Answers with what an addon in C says.
const version = require("version");
const answer = (_, response) => response.end(`SQLite ${version()} by an addon\n`);
require("http").createServer(answer).listen(8080);
