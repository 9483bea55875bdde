//! Brokers of messages.

use crate::battery::Stage;

pub(super) fn rabbitmq(stage: &Stage) {
    let mut server = stage.serve();
    let status = server.exec_until(&["/usr/sbin/rabbitmqctl", "await_startup"]);
    assert!(!status.contains("not found"), "{status}");
    let api = "http://localhost:15672/api";
    let json = [
        "--user",
        "guest:guest",
        "--header",
        "content-type: application/json",
    ];
    let mut ask = |what: &[&str]| server.fetch(&[&json[..], what].concat());
    let queue = format!("{api}/queues/%2f/desk");
    ask(&[&queue, "--request", "PUT", "--data", "{\"durable\":true}"]);
    let sent = ask(&[
        &format!("{api}/exchanges/%2f/amq.default/publish"),
        "--data",
        "{\"properties\":{},\"routing_key\":\"desk\",\"payload\":\"hello\",\"payload_encoding\":\"string\"}",
    ]);
    assert!(sent.contains("\"routed\":true"), "{sent}");
    let got = ask(&[
        &format!("{queue}/get"),
        "--data",
        "{\"count\":1,\"ackmode\":\"ack_requeue_false\",\"encoding\":\"auto\"}",
    ]);
    assert!(got.contains("\"payload\":\"hello\""), "{got}");
    let listed = server
        .exec(&["/usr/sbin/rabbitmqctl", "list_queues"])
        .well();
    assert!(listed.contains("desk"), "{listed}");
    let output = server.output();
    assert!(!output.contains("not found"), "{output}");
}

pub(super) fn mosquitto(stage: &Stage) {
    let mut server = stage.serve();
    server.exec_until(&["/usr/bin/mosquitto_pub", "-r", "-t", "desk", "-m", "hello"]);
    let got = server
        .exec(&["/usr/bin/mosquitto_sub", "-C", "1", "-W", "10", "-t", "#"])
        .well();
    assert_eq!(got, "hello\n");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
    // What was kept is there again.
    let mut server = stage.serve();
    let kept = server.exec_until(&[
        "/usr/bin/mosquitto_sub",
        "-C",
        "1",
        "-W",
        "10",
        "-t",
        "desk",
    ]);
    assert_eq!(kept, "hello\n");
}

pub(super) fn nats(stage: &Stage) {
    let mut server = stage.serve();
    let say = b"CONNECT {\"verbose\":false}\r\nSUB desk 1\r\nPUB desk 5\r\nhello\r\nPING\r\n";
    let answer = server.talk(4222, say);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("MSG desk 1 5\r\nhello"), "{answer}");
}

pub(super) fn beanstalkd(stage: &Stage) {
    let mut server = stage.serve();
    let answer = server.talk(
        11300,
        b"put 0 0 60 5\r\nhello\r\nreserve\r\ndelete 1\r\nquit\r\n",
    );
    assert_eq!(
        String::from_utf8_lossy(&answer),
        "INSERTED 1\r\nRESERVED 1 5\r\nhello\r\nDELETED\r\n"
    );
}
