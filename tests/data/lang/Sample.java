package org.example;

import java.util.List;
import static org.example.Rows.first;
import org.example.store.*;

/** A shelf. */
public class Sample<T> {
    private final List<T> rows;

    public Sample(List<T> rows) {
        this.rows = rows;
    }

    /**
     * Counts.
     */
    @Deprecated
    public int count(int limit) {
        int total = 0;
        for (T row : rows) {
            if (row == null || limit < 0) {
                continue;
            } else if (limit == 1) {
                total += 1;
            } else {
                total += limit > 2 ? 2 : 3;
            }
        }
        switch (limit) {
            case 1: return 1;
            case 2: case 3: return 2;
            default: break;
        }
        try {
            return total;
        } catch (RuntimeException error) {
            return 0;
        }
    }

    @Test
    void countsNothing() {}

    interface Reader {
        int read();
    }
}
