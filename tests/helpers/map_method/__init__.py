"""A method for tests that reads IUV maps and draws them: register it as METHODS["map_method"]."""

MAP_METHOD = "tests.helpers.map_method"
