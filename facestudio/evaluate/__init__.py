"""What is measured: the distance of a head from a scan, protocol by protocol, and the tables that say it."""
