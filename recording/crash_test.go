package recording

const crashDirectory = "MEDIASERVER_TEST_CRASH_DIRECTORY"

func recordUntilKilled(string) {}
