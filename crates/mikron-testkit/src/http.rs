//! An HTTP server on loopback with faults to order.
