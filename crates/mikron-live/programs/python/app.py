"""Answers with what wheels in C say."""

import numpy
import psycopg2.extensions


def app(environ, start_response):
    trace = int(numpy.linalg.inv(numpy.eye(3) / 2).trace())
    body = f"trace {trace}, libpq {psycopg2.extensions.libpq_version()}\n".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
