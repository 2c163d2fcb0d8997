//! Channels without I/O: publications, history, recovery, namespaces.
