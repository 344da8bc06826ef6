"""Lightkeeper (守灯): app → api | jobs → usecases → store | outbound → telemetry → domain."""
