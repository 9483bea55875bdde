<?php
// Answers with what an extension in C says.
echo "bzip2 ", bzip2_version(), " by an extension\n";
