"""Asks dnf what it would install into an empty root, for many requests to many repositories in one process.

oracle.py FILE ROOT: FILE is a list of tasks, each the object {"repositories": [[name, path, priority]], "cases": [[spec]]},
ROOT a directory for dnf's own files. Prints one JSON value a case: a list of "name version", or the reason of a refusal as
text.
"""

import json
import logging
import shutil
import sys

import dnf
import dnf.exceptions

logging.disable(logging.CRITICAL)
task_file, root = sys.argv[1:3]
with open(task_file, encoding="utf-8") as file:
    tasks = json.load(file)
for number, task in enumerate(tasks):
    base = dnf.Base()
    conf = base.conf
    conf.installroot = root
    conf.cachedir = "%s/cache/%d" % (root, number)
    conf.logdir = root
    conf.persistdir = root + "/persist"
    conf.substitutions.update(arch="x86_64", basearch="x86_64", releasever="1")
    conf.module_platform_id = "platform:none"
    conf.install_weak_deps = False
    conf.best = False
    conf.gpgcheck = False
    for name, path, priority in task["repositories"]:
        base.repos.add_new_repo(name, conf, baseurl=["file://" + path], priority=priority)
    base.fill_sack(load_system_repo=False)
    for specs in task["cases"]:
        base.reset(goal=True)
        try:
            for spec in specs:
                base.install(spec)
            base.resolve()
            chosen = sorted("%s %s" % (p.name, p.evr) for p in base.transaction.install_set)
            print(json.dumps(chosen))
        except dnf.exceptions.Error as error:
            print(json.dumps(str(error)))
    base.close()
    shutil.rmtree(conf.cachedir, ignore_errors=True)
