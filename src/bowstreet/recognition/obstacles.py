"""What keeps a deployment from processing, in words, and what would mend it."""

from bowstreet.recognition.model import Obstacle

SAYS: dict[Obstacle, str] = {
    Obstacle.NOT_RUNNING: "it is not running",
    Obstacle.NO_AUTHORITY: "no authority in force covers it (R2)",
    Obstacle.OUTSIDE_WINDOW: "it is not within its window (R2)",
    Obstacle.NOT_THIS_CAMERA: "this camera is not in what was authorised (R2)",
    Obstacle.CAMERA_MOVED: "the camera stands elsewhere than was authorised (R2)",
    Obstacle.NO_LEDGER: "the record cannot be written (R16)",
    Obstacle.NO_LIST: "it has no list (R4)",
    Obstacle.LIST_CHANGED: "its list is not the one that was authorised (R4)",
    Obstacle.LIST_MODEL: "its list was not made with the model that is planned (R12, R13)",
    Obstacle.LIST_POLICY: "its list was made under other rules on categories (R4)",
    Obstacle.LIST_MISPLACED: "people stand on its list for whom this use case has no place (R1, R4)",
    Obstacle.LIST_UNREVIEWED: "somebody under 18 or vulnerable is listed whom no second person has approved (R6)",
    Obstacle.NO_NOTICE: "no public notice stands (R15, R18)",
    Obstacle.NO_SIGNS: "no sign stands before a camera (R15)",
    Obstacle.NO_CAMERA: "a camera of the plan is not configured",
    Obstacle.OTHER_MODEL: "the model in use is not the one that is planned (R12, R13)",
    Obstacle.BELOW_FLOOR: "the threshold is below the model's floor (R13)",
    Obstacle.NO_REPORT: "no accuracy report covers this model and threshold now (R12)",
    Obstacle.SAME_PERSON: "whoever authorised it does not run it, nor made its list (R3)",
    Obstacle.ANOTHER_RUNS: "another deployment runs, and one runs at a time",
}
REMEDIES: dict[Obstacle, str] = {
    Obstacle.NOT_RUNNING: "start it",
    Obstacle.NO_AUTHORITY: "ask for authority, and have an authorising officer decide",
    Obstacle.OUTSIDE_WINDOW: "wait for its start, or plan another",
    Obstacle.NOT_THIS_CAMERA: "amend the plan and have it authorised",
    Obstacle.CAMERA_MOVED: "have the amended plan authorised, or put the camera back",
    Obstacle.NO_LEDGER: "make room on the disk; it stays stopped until acts can be recorded",
    Obstacle.NO_LIST: "import one",
    Obstacle.LIST_CHANGED: "take it back to the plan, and ask for authority again with this list",
    Obstacle.LIST_MODEL: "import the list again, and ask for authority",
    Obstacle.LIST_POLICY: "import the list again, and ask for authority",
    Obstacle.LIST_MISPLACED: "import a list for this use case, or plan it for the one that the list was made for",
    Obstacle.LIST_UNREVIEWED: "have an authorising officer open the list, and approve them or take them off",
    Obstacle.NO_NOTICE: (
        "publish a notice and enter it. Without one this would be covert, and covert surveillance is another regime: directed "
        "surveillance under Part II of the Regulation of Investigatory Powers Act 2000, intrusive or with interference with "
        "property also Part III of the Police Act 1997. This program does not do it"
    ),
    Obstacle.NO_SIGNS: "put signs up before every camera, and enter when",
    Obstacle.NO_CAMERA: (
        "put it back into the configuration, and start the program again; or take the plan back, and plan it with the cameras "
        "that there are"
    ),
    Obstacle.OTHER_MODEL: (
        "take it back to the plan, save the plan again, and import its list again; or put the planned model's files back, and "
        "start the program again"
    ),
    Obstacle.BELOW_FLOOR: "plan it with a higher threshold",
    Obstacle.NO_REPORT: "evaluate the model ('bowstreet lfr evaluate'), or choose a threshold that the report covers",
    Obstacle.SAME_PERSON: "have another person do it",
    Obstacle.ANOTHER_RUNS: "stop that one, or wait for its end",
}
